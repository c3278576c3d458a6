"""A replay from a recording's snapshot."""

import functools
from typing import TYPE_CHECKING

from dgmtui.errors import RecordingError, ReplayError
from dgmtui.trace.graph import Graph
from dgmtui.trace.limits import check_graph
from dgmtui.trace.tensors import from_stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import Tensor

    from dgmtui.recording import Recording
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.trace.replay import Replay


def load_replay(recording: "Recording", snapshot: "SnapshotInfo", *, dtype: "torch.dtype | None" = None) -> "Replay":
    """The replay of ``snapshot``, not yet run, on the CPU, with the draws that the recording holds.

    Raises:
        ReplayError: something is missing, or the trace runs what this torch does not know or a replay refuses.
    """
    from dgmtui.trace.replay import Replay

    if snapshot.trace < 0 or snapshot.missing:
        what = "; ".join(snapshot.missing) or "it has no trace"
        raise ReplayError(f"the snapshot of iteration {snapshot.iteration} can't be replayed: {what}")
    try:
        graph = _checked(recording.trace(snapshot.trace))
    except RecordingError as error:
        raise ReplayError(f"the snapshot of iteration {snapshot.iteration} can't be replayed: {error}") from error
    feeds = {
        name: from_stored(recording.tensor(snapshot.tensors[name]))
        for name in graph.outside
        if name in snapshot.tensors
    }
    draws = {
        _draw_key(name): from_stored(recording.tensor(spec))
        for name, spec in snapshot.tensors.items()
        if name.startswith("draw:")
    }
    _check_draws(graph, draws)
    return Replay(graph, feeds, draws=draws or None, dtype=dtype, device="cpu")


@functools.lru_cache(maxsize=8)
def _checked(text: str) -> Graph:
    """The graph of a trace, found fit to be run: many snapshots have the same, and finding that out is slow."""
    graph = Graph.from_json(text)
    check_graph(graph)
    return graph


def _check_draws(graph: Graph, draws: "Mapping[tuple[int, int], Tensor]") -> None:
    """A random operation without its own draw would draw something else here."""
    for node in graph.nodes:
        for out, meta in enumerate(node.outs) if node.random else ():
            draw = draws.get((node.id, out))
            if meta is not None and (draw is None or tuple(draw.shape) != meta.shape):
                raise ReplayError(
                    f"the snapshot lacks what node {node.id} ({node.name}) drew; "
                    "only the process that trained could replay it"
                )


def _draw_key(name: str) -> tuple[int, int]:
    parts = name.split(":")
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        raise ReplayError(f"the snapshot holds {name!r}, which is no random draw's name; the recording is damaged")
    return int(parts[1]), int(parts[2])
