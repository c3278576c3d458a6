"""What the units of a module did on a snapshot's batch, and what that batch is: its labels, rows and pictures."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.graph import Graph, OutsideRef, Ref

if TYPE_CHECKING:
    import torch

    from dgmtui.session.replayed import Replayed
    from dgmtui.trace.graph import Call

_BY_INDEX = ("aten.index", "aten.index_select", "aten.embedding", "aten.gather")
"""Operations in which an integer tensor says which rows are meant, so that it is no label."""


@dataclass(frozen=True, eq=False)
class Activations:
    """A module's output, by sample and unit."""

    module: str
    ref: Ref
    values: NDArray[np.float32]
    """``[S, U, P]``: samples, units, positions (1 where a unit is one number); may be non-finite."""
    positions: tuple[int, ...]
    """Shape of the positions of one unit; empty where it is one number."""
    which: str = ""
    """``call 2 of 2``, where the module is called several times."""

    @property
    def name(self) -> str:
        """What it is of, in words."""
        return (self.module or "the root module") + (f" ({self.which})" if self.which else "")

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """``[S, U]``: mean over positions."""
        with np.errstate(invalid="ignore", over="ignore"):
            found: NDArray[np.float64] = self.values.mean(axis=2, dtype=np.float64)
        return found

    @cached_property
    def peaks(self) -> NDArray[np.float32]:
        """``[S, U]``: greatest over positions; NaN where one is."""
        found: NDArray[np.float32] = self.values.max(axis=2)
        return found

    @cached_property
    def zeros(self) -> NDArray[np.float64]:
        """``[U]``: share of samples and positions at which a unit is zero."""
        found: NDArray[np.float64] = (self.values == 0).mean(axis=(0, 2))
        return found

    def place(self, sample: int, unit: int) -> tuple[int, ...]:
        """Position of a unit's peak; empty where it has one number."""
        flat = int(self.values[sample, unit].argmax())
        return tuple(int(i) for i in np.unravel_index(flat, self.positions)) if self.positions else ()


def activations_of(made: "Replayed", module: str) -> Activations:
    """What the last call of ``module`` gave out, or the one that it names (``cell:0``).

    Raises:
        UsageError: it was not called, or gives out nothing that has units.
    """
    from dgmtui.credit.grouping import Outputs

    call, which = call_named(made.replay.graph, module)
    value = made.replay.output(call)
    layout = Outputs(made.replay.graph).layout(call.outputs[0], call.type)
    if layout.unit_axis is None or not value.numel():
        raise UsageError(
            f"{module or 'the root module'} gives {list(value.shape)}, which has no units; name another module"
        )
    kept = [axis for axis in (layout.sample_axis, layout.unit_axis) if axis is not None]
    others = [axis for axis in range(value.dim()) if axis not in kept]
    moved = value.permute(*kept, *others)
    if layout.sample_axis is None:
        moved = moved.unsqueeze(0)
    positions = tuple(moved.shape[2:])
    return Activations(module, call.outputs[0], _numbers(moved).reshape(*moved.shape[:2], -1), positions, which)


def call_named(graph: Graph, module: str) -> "tuple[Call, str]":
    """The last call of ``module``, or its Nth where ``module`` ends in ``:N``; and which of several that is, in words.

    Raises:
        UsageError: it gave out no tensor in this iteration, or has no such call.
    """
    calls, place = _calls(graph, module), -1
    path, colon, number = module.rpartition(":")
    if not calls and colon and number.isdecimal():
        calls, place = _calls(graph, path), int(number)
    if calls and place >= len(calls):
        raise UsageError(f"{path or 'the root module'} has calls 0 to {len(calls) - 1} in this iteration; not {place}")
    if not calls:
        known = [path for path in dict.fromkeys(call.module for call in graph.calls if call.outputs) if path]
        raise UsageError(
            f"{module or 'the root module'} gave out no tensor in this iteration; these did: "
            f"{', '.join(known[:8]) or 'none'}{', …' if len(known) > 8 else ''}"
        )
    return calls[place], f"call {place % len(calls) + 1} of {len(calls)}" if len(calls) > 1 else ""


def _calls(graph: Graph, path: str) -> "list[Call]":
    return [call for call in graph.calls if call.module == path and call.outputs]


def labels_of(made: "Replayed") -> NDArray[np.int64] | None:
    """``[S]``: the class of each sample; None where no integer tensor of the batch looks like one."""
    graph = made.replay.graph
    rows = made.snapshot.extra.get("dataset_index")
    for ref, axis in batch_axes(graph).items():
        meta = graph.meta(ref)
        if not meta.dtype.startswith("int") or axis or len(meta.shape) != 1 or _is_index(graph, ref):
            continue
        found: NDArray[np.int64] = _whole(made.replay.value(ref))
        if rows is None or found.tolist() != list(rows):
            return found
    return None


def dataset_rows(made: "Replayed") -> tuple[int, ...] | None:
    """The row of the data set that each sample is, where that is known and no edit may have changed it."""
    rows = made.snapshot.extra.get("dataset_index")
    return None if rows is None or made.edits else tuple(int(row) for row in rows)


def inputs_of(graph: Graph) -> dict[str, tuple[Ref, int]]:
    """Name → tensor and axis of the samples, of what brings floating numbers of the batch in; the likest first."""
    entering = {ref for call in graph.calls if call.parent < 0 for ref in call.inputs}
    found = {
        (ref.name if isinstance(ref, OutsideRef) else f"node:{ref.node}"): (ref, axis)
        for ref, axis in batch_axes(graph).items()
        if "float" in graph.meta(ref).dtype or graph.meta(ref).dtype == "uint8"
    }
    return dict(sorted(found.items(), key=lambda item: item[1][0] not in entering))


def input_values(made: "Replayed", ref: Ref, axis: int) -> NDArray[np.float32]:
    """``[S, …]``: an input of the batch, samples first."""
    return _numbers(made.replay.value(ref).movedim(axis, 0))


def _is_index(graph: Graph, ref: Ref) -> bool:
    """Whether every operation that takes it takes it for an index into something."""
    users = [graph.nodes[i] for i in graph.users(ref)]
    return bool(users) and all(user.name in _BY_INDEX and ref not in user.args[:1] for user in users)


def _numbers(t: "torch.Tensor") -> NDArray[np.float32]:
    t = t.abs() if t.is_complex() else t
    found: NDArray[np.float32] = t.float().contiguous().cpu().numpy()
    return found


def _whole(t: "torch.Tensor") -> NDArray[np.int64]:
    found: NDArray[np.int64] = t.long().cpu().numpy()
    return found
