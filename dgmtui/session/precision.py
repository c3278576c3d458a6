"""One iteration in two dtypes, side by side: was it precision that failed, or the mathematics?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dgmtui.session.operations import Range, range_of

if TYPE_CHECKING:
    import torch

    from dgmtui.session.replayed import Replayed
    from dgmtui.session.results import Results
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.graph import Node

Conclusion = Literal["finite", "precision", "mathematics"]
LOST = 1000
"""A result that differs by more than so many times a dtype's resolution has lost precision."""


@dataclass(frozen=True)
class Beside:
    """What two replays of an iteration, the first in its own dtype, say together."""

    own: "Replayed"
    other: "Replayed"
    own_dtype: str
    """``float32``; ``bfloat16 and float32`` where the loss's operations ran in several."""
    own_births: "tuple[Birth, ...]"
    other_births: "tuple[Birth, ...]"
    conclusion: Conclusion
    """``precision`` where one of them is finite and the other is not."""
    value: float | None
    """What the operation gives in the dtype in which it is finite, where it is the range that was left."""
    limit: float | None
    """The largest number of the dtype in which it is not."""
    sentence: str


@dataclass(frozen=True)
class ModuleBeside:
    """What one call of a module gives out, in both dtypes."""

    module: str
    call: int
    """0 for its first call in the iteration."""
    own: Range
    other: Range
    difference: float | None
    """Largest absolute difference by the largest absolute value, where both are finite; None where nothing is."""


def beside(results: "Results", own: "Replayed", other: "Replayed") -> Beside:
    """Compare two replays of one snapshot, as edited."""
    own_births = results.births(own.snapshot, edits=own.edits)
    other_births = results.births(own.snapshot, _name(other.replay.dtype), own.edits)
    told = _judged(own, other, _first(own_births), _first(other_births))
    return Beside(own, other, _own_dtype(own), own_births, other_births, *told)


def _judged(
    own: "Replayed", other: "Replayed", mine: "Birth | None", theirs: "Birth | None"
) -> tuple[Conclusion, float | None, float | None, str]:
    """Conclusion, value, limit and sentence."""
    own_dtype, dtype = _own_dtype(own), _name(other.replay.dtype)
    if mine is None and theirs is None:
        return "finite", None, None, f"it is finite in {own_dtype} and in {dtype}"
    if mine is not None and theirs is not None:
        same = (mine.node, mine.phase) == (theirs.node, theirs.phase)
        where = "at the same operation" if same else f"first at {_place(theirs)}, not at {_place(mine)}"
        return "mathematics", None, None, f"non-finite in {dtype} too, {where}: mathematics, not precision"
    if mine is not None:
        bad_dtype = _dtype_at(own, mine, own_dtype)
        value, limit = _left(mine, other, bad_dtype)
        return "precision", value, limit, f"in {dtype} it is finite: {_why(mine, other, value, limit, bad_dtype)}"
    assert theirs is not None
    value, limit = _left(theirs, own, dtype)
    return "precision", value, limit, f"in {dtype} it is not finite: {_why(theirs, own, value, limit, dtype)}"


def modules_beside(compared: Beside) -> tuple[ModuleBeside, ...]:
    """Every call of a module, in the order in which they ended."""
    own, other = compared.own.replay, compared.other.replay
    calls = sorted((call for call in own.graph.calls if call.outputs), key=lambda call: (call.end, -call.id))
    rows = []
    for call in calls:
        a, b = own.output(call), other.output(call)
        rows.append(ModuleBeside(call.module, call.index, range_of(a), range_of(b), _difference(a, b)))
    return tuple(rows)


def first_lost(rows: tuple[ModuleBeside, ...], compared: Beside) -> ModuleBeside | None:
    """The first call whose result differs by far more than rounding does, or is non-finite in one dtype only."""
    import torch

    dtypes = (*compared.own_dtype.split(" and "), _name(compared.other.replay.dtype))
    coarsest = max(torch.finfo(getattr(torch, name)).eps for name in dtypes if hasattr(torch, name))
    bound = LOST * coarsest
    return next((row for row in rows if row.own[2] != row.other[2] or (row.difference or 0.0) > bound), None)


def _first(births: "tuple[Birth, ...]") -> "Birth | None":
    return next((birth for birth in births if not birth.harmless), None)


def _name(dtype: "torch.dtype | None") -> str:
    return str(dtype).removeprefix("torch.")


def _own_dtype(made: "Replayed") -> str:
    graph = made.replay.graph
    metas = [meta for node in graph.nodes for meta in node.outs if meta is not None]
    found = {meta.dtype for meta in metas if "float" in meta.dtype}
    return " and ".join(sorted(found)) or graph.meta(graph.loss).dtype


def _dtype_at(made: "Replayed", birth: "Birth", otherwise: str) -> str:
    node = None if birth.node is None else made.replay.graph.nodes[birth.node]
    meta = None if node is None else next((meta for meta in node.outs if meta is not None), None)
    return otherwise if meta is None else meta.dtype


def _left(birth: "Birth", finite: "Replayed", dtype: str) -> tuple[float | None, float | None]:
    """What the operation gives where it is finite, and the bound of the other dtype, if that was left."""
    import torch

    values = _values(birth, finite)
    kind = getattr(torch, dtype, None)
    if values is None or not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        return None, None
    largest, limit = max(values, key=abs), torch.finfo(kind).max
    return (largest, limit) if abs(largest) > limit else (None, None)


def _values(birth: "Birth", finite: "Replayed") -> list[float] | None:
    from dgmtui.trace.graph import NodeRef

    if birth.node is None or birth.phase != "forward":
        return None
    node = finite.replay.graph.nodes[birth.node]
    place = _tensor_place(node)
    value = None if place is None else finite.replay.value(NodeRef(node.id, place))
    if value is None or value.is_complex() or any(len(element) != value.dim() for element in birth.elements):
        return None
    return [float(value[element]) for element in birth.elements] or None


def _tensor_place(node: "Node") -> int | None:
    return next((place for place, meta in enumerate(node.outs) if meta is not None), None)


def _why(birth: "Birth", finite: "Replayed", value: float | None, limit: float | None, dtype: str) -> str:
    if value is not None:
        return f"{value:.2g} ({_place(birth)}) left {dtype}'s range, {limit:.2g}"
    values = _values(birth, finite)
    if values is not None:
        return f"where {_place(birth)} gives {birth.what} in {dtype} it gives {values[0]:.4g}, so {dtype} is too coarse"
    if birth.phase == "backward":
        return f"the derivative of {_place(birth)} is {birth.what} in {dtype} only"
    return f"{_place(birth)} is {birth.what} in {dtype} only"


def _place(birth: "Birth") -> str:
    if birth.op is None:
        return birth.outside or birth.module
    return birth.op + (f" at {birth.source}" if birth.source else "")


def _difference(a: "torch.Tensor", b: "torch.Tensor") -> float | None:
    import torch

    if a.is_complex() or a.shape != b.shape:
        return None
    a, b = a.double(), b.double()
    both = torch.isfinite(a) & torch.isfinite(b)
    if not bool(both.any()):
        return None
    largest = float(torch.maximum(a.abs(), b.abs())[both].max())
    return float((a - b).abs()[both].max()) / largest if largest else 0.0
