"""What goes into an activation function in one replayed iteration: how much of it lies below zero, and why."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.trace.batch import batch_size
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.units import unit_axis

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.findings.layers.activations import Site
    from dgmtui.trace.replay import Replay

SHUT = 1e-3
"""An activation function lets nothing through where its slope is smaller: of a ReLU, where it is zero."""


@dataclass(frozen=True)
class Preactivations:
    """Of one activation function, over the batch of one iteration."""

    samples: int
    below: float
    """Share of all values at or below zero."""
    highest: float
    shut: NDArray[np.float64]
    """``[U]``, the share of samples for which the unit lets nothing through, at any position."""
    silent_samples: float
    """Share of samples for which no unit lets anything through."""
    unit_below: NDArray[np.float64]
    """``[U]``, share of the unit's values at or below zero."""
    unit_highest: NDArray[np.float64]
    """``[U]``."""
    unit_mean: NDArray[np.float64]
    """``[U]``, the mean of what goes in."""
    lowest: float
    """Of all values that go in."""
    flat: float
    """Share of all values at which the function lets nothing through."""
    gradient: float | None
    """The greatest absolute gradient that leaves it towards what feeds it; None where none was computed."""

    @property
    def dead(self) -> NDArray[np.bool_]:
        """``[U]``, units that let nothing through for any sample."""
        return np.asarray(self.shut == 1.0, np.bool_)


def preactivations(replay: "Replay", site: "Site") -> Preactivations:
    """Look at the input of the activation function at ``site``.

    Raises:
        ReplayError: the operation can't be run again.
    """
    graph = replay.graph
    node = graph.nodes[site.node]
    ref = next(node.inputs())
    taken = replay.value(ref, at=node.id)
    slope = _slope(replay, node, ref, taken)
    units, samples = _axes(graph, site, tuple(taken.shape))
    values, shut = _arranged(taken.double(), units, samples), _arranged((slope.abs() < SHUT), units, samples)
    closed = shut.all(dim=2)
    gradient = replay.gradient(ref)
    return Preactivations(
        values.shape[1],
        float((values <= 0).double().mean()) if values.numel() else 0.0,
        float(values.max()) if values.numel() else float("nan"),
        closed.double().mean(dim=1).numpy(),
        float(closed.all(dim=0).double().mean()),
        (values <= 0).double().mean(dim=(1, 2)).numpy(),
        values.amax(dim=(1, 2)).numpy(),
        values.mean(dim=(1, 2)).numpy(),
        float(values.min()) if values.numel() else float("nan"),
        float(shut.double().mean()) if values.numel() else 0.0,
        None if gradient is None else float(gradient.abs().max()),
    )


def _slope(replay: "Replay", node: Node, ref: Ref, taken: "Tensor") -> "Tensor":
    """The function's derivative at each element of what it takes."""
    import torch

    from dgmtui.trace.operations import run_node

    with torch.enable_grad():
        leaf = taken.detach().clone().requires_grad_()
        inner = leaf.clone()  # an in-place operation may not change a leaf

        def lookup(wanted: Ref) -> "Tensor":
            return inner if wanted == ref else replay.value(wanted, at=node.id)

        result = run_node(node, lookup)[0]
        (slope,) = torch.autograd.grad(result, leaf, torch.ones_like(result))
    return slope


def _axes(graph: Graph, site: "Site", shape: tuple[int, ...]) -> tuple[int | None, int | None]:
    """The axes of units and samples: the units lie as in what feeds it."""
    types = {call.module: call.type for call in graph.calls}
    units = unit_axis(shape, types.get(site.fed_by or "", ""))
    size = batch_size(graph)
    return units, next((i for i, length in enumerate(shape[:2]) if length == size and i != units), None)


def _arranged(t: "Tensor", units: int | None, samples: int | None) -> "Tensor":
    """``[units, samples, positions]``; one unit or sample where there is no such axis."""
    front = [axis for axis in (units, samples) if axis is not None]
    moved = t.movedim(front, list(range(len(front)))) if front else t
    sizes = [1 if axis is None else t.shape[axis] for axis in (units, samples)]
    return moved.reshape(*sizes, -1) if t.numel() else t.reshape(*sizes, 0)


def parameter(replay: "Replay", module: str, name: str) -> "Tensor | None":
    """A parameter of a module as the iteration used it; None where the trace has none of that name."""
    path = f"param:{module}.{name}" if module else f"param:{name}"
    return replay.value(OutsideRef(path)) if path in replay.graph.outside else None


def input_of(replay: "Replay", module: str) -> "Tensor | None":
    """What a module's first call took first."""
    call = next((call for call in replay.graph.calls if call.module == module and call.inputs), None)
    if call is None:
        return None
    ref = call.inputs[0]
    return replay.value(ref, at=call.begin) if isinstance(ref, NodeRef) else replay.value(ref)
