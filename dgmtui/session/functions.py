"""The functions that an expression may call: each takes tensors and plain numbers, and gives a tensor or a number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgmtui.errors import UsageError

if TYPE_CHECKING:
    import torch

LARGEST = 50_000_000
"""Elements of a result that is larger than what it is made of; a larger one is refused before memory is taken."""


@dataclass(frozen=True)
class Function:
    """How many arguments it takes after the tensor, what they are, and what it gives."""

    takes: tuple[str, ...]
    """Names of the arguments; one that ends in ``?`` can be left out."""
    compute: Callable[..., Any]

    def usage(self, name: str) -> str:
        """``quantile(tensor, q, [axis])``."""
        return f"{name}({', '.join(f'[{each[:-1]}]' if each.endswith('?') else each for each in self.takes)})"

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Its value.

        Raises:
            UsageError: it takes other arguments.
        """
        least = sum(not each.endswith("?") for each in self.takes)
        if not least <= len(arguments) <= len(self.takes):
            raise UsageError(f"it is called as {self.usage(name)}")
        tensors = "xyc"
        given = [
            _tensor(value) if names[0] in tensors and len(names.rstrip("?")) == 1 else _plain(name, names, value)
            for names, value in zip(self.takes, arguments, strict=False)
        ]
        check_size(*(value for value in given if _is_tensor(value)))
        return self.compute(*given)


def check_size(*tensors: "torch.Tensor") -> None:
    """Whether they can be computed with together without a result much larger than each.

    Raises:
        UsageError: they can't.
    """
    import math

    import torch

    if len(tensors) < 2:
        return
    shape = torch.broadcast_shapes(*(each.shape for each in tensors))  # type: ignore[no-untyped-call]
    if math.prod(shape) > max(LARGEST, *(each.numel() for each in tensors)):
        raise UsageError(f"the result would have {math.prod(shape):,} elements; that is too many")


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _tensor(value: Any) -> Any:
    import torch

    return value if isinstance(value, torch.Tensor) else torch.tensor(value)


def _plain(function: str, name: str, value: Any) -> Any:
    """A number that is no tensor, whole where it counts or names something."""
    if _is_tensor(value) and value.numel() == 1:
        value = value.item()
    wanted = name.rstrip("?")
    if not isinstance(value, int | float) or (wanted in ("axis", "k") and not isinstance(value, int)):
        raise UsageError(f"{wanted} of {function} is a {'whole ' if wanted in ('axis', 'k') else ''}number")
    return value


def _wide(t: Any) -> Any:
    """In floating point, so that a mean of counts is one."""
    import torch

    return t if t.is_floating_point() or t.is_complex() else t.to(torch.float64)


def _named(name: str, *, wide: bool = False) -> Callable[..., Any]:
    def compute(x: Any, *rest: Any) -> Any:
        import torch

        return getattr(torch, name)(_wide(x) if wide else x, *rest)

    return compute


def _ends(name: str) -> Callable[..., Any]:
    """Least or greatest, over all or along an axis."""

    def compute(x: Any, axis: int | None = None) -> Any:
        import torch

        return getattr(x, name)() if axis is None else getattr(torch, f"a{name}")(x, axis)

    return compute


def _functional(name: str) -> Callable[..., Any]:
    def compute(x: Any) -> Any:
        import torch

        return getattr(torch.nn.functional, name)(_wide(x))

    return compute


def _softmax(name: str) -> Callable[..., Any]:
    def compute(x: Any, axis: int = -1) -> Any:
        import torch

        return getattr(torch, name)(_wide(x), axis)

    return compute


def _norm(x: Any, axis: int | None = None) -> Any:
    import torch

    return torch.linalg.vector_norm(_wide(x), dim=axis)


def _count(x: Any, axis: int | None = None) -> Any:
    import torch

    return int(torch.count_nonzero(x)) if axis is None else torch.count_nonzero(x, axis)


def _float64(x: Any) -> Any:
    import torch

    return x.to(torch.float64)


def _shape(x: Any) -> Any:
    import torch

    return torch.tensor(x.shape, dtype=torch.int64)


def _topk(x: Any, k: int, axis: int = -1) -> Any:
    import torch

    return torch.topk(x, k, axis).values


def _sort(x: Any, axis: int = -1) -> Any:
    import torch

    return torch.sort(x, axis).values


def _median(x: Any, axis: int | None = None) -> Any:
    import torch

    return torch.median(x) if axis is None else torch.median(x, axis).values


def _where(c: Any, x: Any, y: Any) -> Any:
    import torch

    return torch.where(c.to(torch.bool), x, y)


_ELEMENTWISE = "abs isnan isinf isfinite sign floor ceil round neg"
_ANALYTIC = "exp expm1 log log1p log2 log10 sqrt rsqrt square sin cos tan tanh atan sigmoid erf"
_AXIS = ("x", "axis?")

FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(("x",), _named(name)) for name in _ELEMENTWISE.split()},
    **{name: Function(("x",), _named(name, wide=True)) for name in _ANALYTIC.split()},
    **{name: Function(("x",), _functional(name)) for name in ("relu", "softplus", "gelu", "silu")},
    **{name: Function(_AXIS, _named(name, wide=True)) for name in ("mean", "std", "var")},
    **{name: Function(_AXIS, _named(name)) for name in ("sum", "prod", "any", "all", "argmin", "argmax")},
    **{name: Function(_AXIS, _ends(name)) for name in ("min", "max")},
    **{name: Function(_AXIS, _softmax(name)) for name in ("softmax", "log_softmax")},
    "norm": Function(_AXIS, _norm),
    "count": Function(_AXIS, _count),
    "median": Function(_AXIS, _median),
    "sort": Function(_AXIS, _sort),
    "topk": Function(("x", "k", "axis?"), _topk),
    "quantile": Function(("x", "q", "axis?"), _named("quantile", wide=True)),
    "cumsum": Function(("x", "axis"), _named("cumsum")),
    "unique": Function(("x",), _named("unique")),
    "flatten": Function(("x",), _named("flatten")),
    "shape": Function(("x",), _shape),
    "clamp": Function(("x", "low", "high"), _named("clamp")),
    "where": Function(("c", "x", "y"), _where),
    "minimum": Function(("x", "y"), _named("minimum")),
    "maximum": Function(("x", "y"), _named("maximum")),
    "float64": Function(("x",), _float64),
}
"""By name. ``count`` is how many elements are true or not zero; ``float64`` converts before what follows is computed;
``topk`` and ``sort`` give values."""
