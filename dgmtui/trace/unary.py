"""Element-wise operations of one tensor that can be put in the place of another."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dgmtui.errors import UsageError
from dgmtui.trace.graph import Argument, Graph, Node, Ref


@dataclass(frozen=True)
class Unary:
    """An operation of one floating tensor that works on each element alone."""

    op: str
    """``aten.softplus.default``."""
    args: tuple[float, ...] = ()
    """What follows the tensor."""
    most: int | None = None
    """How many numbers can be given for ``args``; None: as many as there are."""
    least: int = 0
    """How many have to be given."""

    def node(self, ref: Ref, like: Node, graph: Graph, at: int) -> Node:
        """It as node ``at``, on ``ref``, of the call and source line of ``like``."""
        return operation(self.op, (ref, *self.args), like, graph, at)


def operation(op: str, args: tuple[Argument, ...], like: Node, graph: Graph, at: int, shape: Ref | None = None) -> Node:
    """A functional operation as node ``at``, run where ``like`` was; its result looks like ``shape``, else like the
    tensor that is its first argument."""
    ref = args[0] if shape is None else shape
    meta = replace(graph.meta(ref), requires_grad=False)  # type: ignore[arg-type]
    return Node(at, op, args, {}, (meta,), like.call, like.source, like.grad_enabled)


ADD, MULTIPLY, CLAMP = "aten.add.Tensor", "aten.mul.Tensor", "aten.clamp.default"

_PLAIN = """abs atan cos erf exp expm1 gelu hardsigmoid hardswish log log10 log1p log2 mish neg reciprocal relu rsqrt
sigmoid sign silu sin sqrt tanh"""

UNARY: Mapping[str, Unary] = {
    **{name: Unary(f"aten.{name}.default") for name in _PLAIN.split()},
    "clamp": Unary(CLAMP, most=2, least=2),
    "elu": Unary("aten.elu.default", (1.0,)),
    "hardtanh": Unary("aten.hardtanh.default", (-1.0, 1.0)),
    "identity": Unary("aten.clone.default"),
    "leaky_relu": Unary("aten.leaky_relu.default", (0.01,)),
    "relu6": Unary("aten.hardtanh.default", (0.0, 6.0), most=0),
    "softplus": Unary("aten.softplus.default", (1.0, 20.0)),
    "square": Unary("aten.pow.Tensor_Scalar", (2.0,), most=0),
}
"""By the name that a person types."""


def unary(name: str, numbers: tuple[float, ...] = ()) -> Unary:
    """The operation ``name``, with the first of its numbers given and the others at their defaults.

    Raises:
        UsageError: there is none of that name, or it does not take so many numbers.
    """
    found = UNARY.get(short(name).removesuffix("_"))
    if found is None:
        near = difflib.get_close_matches(name, UNARY, n=1)
        hint = f"did you mean {near[0]!r}? What can is" if near else "what can is"
        raise UsageError(f"{name!r} can't be put in; {hint} {', '.join(sorted(UNARY))}")
    most = len(found.args) if found.most is None else found.most
    if not found.least <= len(numbers) <= most:
        takes = f"takes {most} number{'s' * (most != 1)}" if most else "takes no numbers"
        example = ", as in clamp(-10, 10)" if found.least else ""
        raise UsageError(f"{name} {takes}, not {len(numbers)}{example}")
    return replace(found, args=(*numbers, *found.args[len(numbers) :]))


def short(op: str) -> str:
    """``exp`` for ``aten.exp`` and ``aten.exp.default``."""
    return op.removeprefix("aten.").partition(".")[0]
