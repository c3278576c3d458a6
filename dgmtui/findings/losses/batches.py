"""What the snapshots' iterations were given and what they made of it: batches, predictions and targets, in NumPy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, ReplayError
from dgmtui.findings.case import Case
from dgmtui.findings.losses.entries import Entry, entries
from dgmtui.findings.losses.loss_terms import LossTerm, loss_terms
from dgmtui.recording.model import SnapshotInfo
from dgmtui.trace.graph import Graph, OutsideRef, Ref

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.trace.replay import Replay

MOST = 12
"""So many snapshots are run again: the first, those of onsets, and the last."""
LARGEST = 1 << 22
"""Elements of a prediction that is kept; terms of larger ones are left out, larger inputs thinned."""


@dataclass(frozen=True)
class Compared:
    """A term of the loss with its values."""

    term: LossTerm
    prediction: NDArray[Any]
    """Half precision widened to float32."""
    target: NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """One snapshot's iteration, run again."""

    snapshot: SnapshotInfo
    graph: Graph
    compared: tuple[Compared, ...]
    entering: tuple[tuple[Entry, NDArray[Any]], ...]
    """What of the batch meets parameters first."""


def chosen(case: Case) -> tuple[SnapshotInfo, ...]:
    """The snapshots to look at: all but the failing one, thinned where there are many."""
    every = [snapshot for snapshot in case.snapshots if snapshot.reason != "failing"]
    if len(every) <= MOST:
        return tuple(every)
    told = [snapshot for snapshot in every if snapshot.reason == "onset"][: MOST // 3]
    rest = [snapshot for snapshot in every if snapshot not in told]
    half = (MOST - len(told)) // 2
    kept = (*told, *rest[:half], *rest[-(MOST - len(told) - half) :])
    return tuple(snapshot for snapshot in every if snapshot in kept)


def batch_of(case: Case, snapshot: SnapshotInfo, replay: "Replay") -> Batch | None:
    """What one replayed iteration was given and made of it; None where the replay lacks a value of it."""
    graph = case.graph_of(snapshot)
    if graph is None:
        return None
    try:
        return Batch(snapshot, graph, tuple(_compared(replay, graph)), tuple(_entering(replay, graph)))
    except (ReplayError, RecordingError):
        return None


def _compared(replay: "Replay", graph: Graph) -> Iterator[Compared]:
    for term in loss_terms(graph):
        if max(replay.value(ref).numel() for ref in (term.prediction, term.target)) > LARGEST:
            continue
        yield Compared(term, value_of(replay, term.prediction), value_of(replay, term.target))


def _entering(replay: "Replay", graph: Graph) -> Iterator[tuple[Entry, NDArray[Any]]]:
    for entry in entries(graph):
        yield entry, _thinned(value_of(replay, entry.ref), entry.axis)


def _thinned(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Every second position of the last dimensions until it is small: all samples and channels stay."""
    for place in range(values.ndim - 1, max(axis, 0), -1):
        while values.size > LARGEST // 4 and values.shape[place] > 8 and (place > 1 or values.ndim == 2):
            values = values[(slice(None),) * place + (slice(None, None, 2),)]
    return values.copy() if values.base is not None else values


def value_of(replay: "Replay", ref: Ref) -> NDArray[Any]:
    """What ``ref`` held right after it was computed, or as it was fed."""
    return as_numpy(replay.value(ref))


def as_numpy(tensor: "Tensor") -> NDArray[Any]:
    """In NumPy; half precision widened to float32."""
    import torch

    small = tensor.dtype in (torch.bfloat16, torch.float16)
    found: NDArray[Any] = (tensor.float() if small else tensor).detach().cpu().resolve_conj().numpy()
    return found


def finite(values: NDArray[Any]) -> NDArray[np.float64]:
    """Flat, without NaN and Inf."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.isfinite(flat)]


def named(graph: Graph, ref: Ref) -> str:
    """How a sentence calls a tensor: an outside one by its name, else by the operation that made it."""
    if isinstance(ref, OutsideRef):
        return f"`{ref.name.partition(':')[2]}`"
    node = graph.nodes[ref.node]
    module = graph.module_of(node)
    return f"the result of `{node.name.removeprefix('aten.')}`" + (f" in `{module}`" if module else "")
