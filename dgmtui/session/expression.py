"""``print``'s expressions: tensors of a replay by name, arithmetic and reductions. Parsed with ``ast``, walked by a
whitelist of our own; nothing is ever handed to Python to run.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.session.operations import range_of

if TYPE_CHECKING:
    import torch

Value: TypeAlias = "float | int | bool | torch.Tensor"

LONGEST = 1000
"""Characters; a longer expression is refused, so that parsing it can't exhaust the stack."""

_REFERENCE = re.compile(
    r"(?P<kind>node|input|param|buffer|grad|module):(?P<name>[^\s()\[\]+*/%<>=!,@]+)"
    r"|(?P<path>[^\W\d]\w*(?:\.\w+)*)"
)
_PICK = re.compile(r"\[\s*(?P<unit>\d+)\s*\](?:@(?P<sample>\d+))?|@(?P<only>\d+)")

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

FUNCTIONS = (
    "abs", "exp", "log", "sqrt", "tanh", "sigmoid", "isnan", "isinf", "isfinite",
    "min", "max", "mean", "sum", "std", "norm", "count", "float64",
)  # fmt: skip
"""``count`` is how many elements are true or not zero; ``float64`` converts before what follows is computed."""


@dataclass(frozen=True)
class Reference:
    """A tensor named in an expression."""

    kind: str
    """``module``, ``node``, ``input``, ``param``, ``buffer``, ``grad`` or ``loss``."""
    name: str
    unit: int | None
    sample: int | None


@dataclass(frozen=True)
class Summary:
    """What is said of a tensor or a number."""

    shape: tuple[int, ...]
    dtype: str
    low: float | None
    """Least finite value; None where there is none."""
    high: float | None
    mean: float | None
    """Of the finite values."""
    elements: int
    nan: int
    inf: int
    values: tuple[float, ...] = field(default=())
    """The first few, flattened."""


def evaluate(text: str, lookup: "Callable[[Reference], torch.Tensor]") -> Value:
    """The value of an expression.

    Args:
        lookup: the tensor that a reference names; raises UsageError if none does.

    Raises:
        UsageError: it does not parse, names what does not exist, or uses what is not offered.
    """
    if len(text) > LONGEST:
        raise UsageError(f"the expression is longer than {LONGEST} characters")
    names: dict[str, Reference] = {}
    try:
        tree = ast.parse(_with_placeholders(text, names).strip(), mode="eval")
        value: Value = _walk(tree.body, lambda name: lookup(_named(names, name)))
        return value
    except SyntaxError as error:
        raise UsageError(f"{text!r} is no expression ({error.msg}); try `print mean(MODULE)`") from error
    except DgmtuiError:
        raise
    except (ValueError, TypeError, ArithmeticError, IndexError, RuntimeError, RecursionError, MemoryError) as error:
        raise UsageError(f"{text!r} can't be computed: {_reason(error)}") from error


def place(text: str) -> tuple[Reference, tuple[Any, ...]]:
    """The tensor that ``text`` names, and the indices behind it: whole numbers, slices and tuples of them.

    Raises:
        UsageError: it is no tensor's name with indices in brackets.
    """
    names: dict[str, Reference] = {}
    indices: list[Any] = []
    try:
        node = ast.parse(_with_placeholders(text, names).strip(), mode="eval").body
        while isinstance(node, ast.Subscript):
            indices.insert(0, _index(node.slice, _no_tensor))
            node = node.value
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise UsageError(f"{text!r} is no tensor's name, or one with [indices]") from error
    if not isinstance(node, ast.Name) or node.id not in names:
        raise UsageError(f"{text!r} is no tensor's name, or one with [indices]")
    return names[node.id], tuple(indices)


def _no_tensor(name: str) -> Any:
    raise UsageError("an index is a whole number or a slice")


def _reason(error: Exception) -> str:
    if isinstance(error, OverflowError):
        return "the number is too large"
    return next(iter(str(error).splitlines()), type(error).__name__)


def summarise(value: Value, shown: int = 8) -> Summary:
    """Shape, dtype, range, mean and non-finite counts, with the first few values."""
    import torch

    tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=_dtype_of(value))
    low, high, bad = range_of(tensor)
    nan = int(torch.isnan(tensor).sum()) if bad else 0
    real = tensor.abs() if tensor.is_complex() else tensor
    finite = real[torch.isfinite(real)].to(torch.float64)
    return Summary(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch.") if isinstance(value, torch.Tensor) else type(value).__name__,
        low=low,
        high=high,
        mean=float(finite.mean()) if finite.numel() else None,
        elements=tensor.numel(),
        nan=nan,
        inf=bad - nan,
        values=tuple(float(item) for item in real.flatten()[:shown]),
    )


def _dtype_of(value: Any) -> Any:
    import torch

    return {bool: torch.bool, int: torch.int64}.get(type(value), torch.float64)


def _with_placeholders(text: str, names: dict[str, Reference]) -> str:
    """``text`` with each tensor's name, which need not be Python, replaced by one that is."""
    pieces, end = [], 0
    for match in _REFERENCE.finditer(text):
        path = match["path"]
        if match.start() < end or (path and path in FUNCTIONS and text[match.end() :].lstrip().startswith("(")):
            continue
        if match.start() and re.match(r"[\w.]", text[match.start() - 1]):
            continue
        kind = match["kind"] or ("loss" if path == "loss" else "module")
        pick = _PICK.match(text, match.end()) if kind == "module" else None
        unit = pick["unit"] if pick else None
        sample = (pick["sample"] or pick["only"]) if pick else None
        key = f"_{len(names)}"
        names[key] = Reference(kind, match["name"] or path, _number(unit), _number(sample))
        pieces += [text[end : match.start()], key]
        end = pick.end() if pick else match.end()
    return "".join([*pieces, text[end:]])


def _named(names: Mapping[str, Reference], name: str) -> Reference:
    """Python takes some letters for parts of a name that no tensor's name has, as in ``A·``."""
    if name not in names:
        raise UsageError("it holds a name that no tensor has")
    return names[name]


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _walk(node: ast.AST, lookup: "Callable[[str], torch.Tensor]") -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return value
        case ast.Name(id=name):
            return lookup(name)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_walk(left, lookup), _walk(right, lookup))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_walk(left, lookup), _walk(right, lookup))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_walk(operand, lookup))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_walk(left, lookup), _walk(right, lookup))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return _call(name, _walk(argument, lookup))
        case ast.Subscript(value=value, slice=index):
            return _walk(value, lookup)[_index(index, lookup)]
    raise UsageError(
        f"an expression is made of tensors, numbers, + - * / // % **, comparisons, [indices] and {', '.join(FUNCTIONS)}"
    )


def _power(base: Any, exponent: Any) -> Any:
    """In floating point where both are numbers: an integer power can be too large to compute."""
    if isinstance(base, int) and isinstance(exponent, int):
        return float(base) ** exponent
    return base**exponent


def _index(node: ast.AST, lookup: "Callable[[str], torch.Tensor]") -> Any:
    match node:
        case ast.Tuple(elts=items):
            return tuple(_index(item, lookup) for item in items)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else _index(part, lookup) for part in (lower, upper, step)))
    value = _walk(node, lookup)
    if not isinstance(value, int):
        raise UsageError("an index is a whole number or a slice")
    return value


def _call(name: str, value: Any) -> Any:
    import torch

    tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value)
    if name == "count":
        return int(torch.count_nonzero(tensor))
    if name in ("min", "max"):
        return getattr(tensor, name)()
    widened = tensor if tensor.is_floating_point() or tensor.is_complex() else tensor.to(torch.float64)
    if name == "float64":
        return tensor.to(torch.float64)
    if name == "norm":
        return torch.linalg.vector_norm(widened)
    return getattr(torch, name)(tensor if name in ("abs", "isnan", "isinf", "isfinite", "sum") else widened)
