"""How the loss's gradient fares on its way back: over the depth of a network, and over the steps of a sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.trace.replay import Replay

FUSED = {"aten.lstm": -1, "aten.gru": -1, "aten.rnn_tanh": -1, "aten.rnn_relu": -1, "aten.mkldnn_rnn_layer": None}
"""Recurrent layers that run as one operation, and which argument tells that the batch comes first; None: time does."""
REVERSED = {"aten.mkldnn_rnn_layer": 7}
"""The argument that tells that it goes from the last step to the first."""
STEPS = 8
"""Uses of one matrix of weights from which on they are taken for the steps of a sequence."""
RECURRENT = frozenset({"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"})
"""Their gradient goes back over steps rather than layers."""


@dataclass(frozen=True)
class Flow:
    """The output of a module that has parameters of its own, where it is first called."""

    module: str
    type: str
    value: float
    """L2 norm of what comes out, over batch, positions and units."""
    gradient: float
    """L2 norm of the loss's gradient by it."""
    weight: float | None
    """L2 norm of the module's weight; None where it has none that takes a gradient."""
    weight_gradient: float | None
    depth: int
    """Layers with a weight matrix on the longest way from the input to here, this one counted."""


@dataclass(frozen=True)
class Passage:
    """A recurrence in one iteration."""

    module: str
    gradients: NDArray[np.float64]
    """``[T]``, L2 norm of the loss's gradient at each step: by the input of a fused layer, in others by what the matrix
    of weights gives of the state."""
    fused: bool


def flows(replay: "Replay") -> Iterator[Flow]:
    """Leaf modules with a matrix of weights, by first call; those that no gradient reaches are left out."""
    graph = replay.graph
    depths = graph.once(depths_of)
    parents = {call.parent for call in graph.calls}
    seen: set[str] = set()
    for call in graph.calls:
        left_out = call.type in RECURRENT or call.type.startswith("Embedding")
        if call.module in seen or call.id in parents or not call.outputs or left_out:
            continue
        seen.add(call.module)
        weight = _matrix(replay, call.module)
        if weight is None:
            continue
        gradient = replay.gradient(call.outputs[0])
        if gradient is not None and call.outputs[0] in depths:
            at, by = weight
            value = replay.output(call)
            yield Flow(call.module, call.type, norm(value), norm(gradient), norm(at), norm(by), depths[call.outputs[0]])


def depths_of(graph: Graph) -> dict[Ref, int]:
    """For every result, how many operations with a matrix of weights lead to it at most."""
    found: dict[Ref, int] = {}
    for node in graph.nodes:
        before = max((found.get(ref, 0) for ref in node.inputs() if isinstance(ref, NodeRef)), default=0)
        own = 1 if _weights_of(graph, node) else 0
        for out in range(len(node.outs)):
            found[NodeRef(node.id, out)] = before + own
    return found


def _weights_of(graph: Graph, node: Node) -> list[str]:
    """Matrices of weights that an operation takes, as they are or turned, along with something else."""
    taken = list(node.inputs())
    found = []
    for ref in taken if len(taken) > 1 else ():
        while isinstance(ref, NodeRef) and len(own := list(graph.nodes[ref.node].inputs())) == 1:
            ref = own[0]
        if not isinstance(ref, NodeRef):
            outside = graph.outside[ref.name]
            if outside.kind == "parameter" and len(outside.meta.shape) > 1:
                found.append(ref.name)
    return found


def _matrix(replay: "Replay", module: str) -> "tuple[Tensor, Tensor] | None":
    """A module's weight and its gradient; None where it has no matrix, or no gradient reached it."""
    prefix = f"param:{module}." if module else "param:"
    for name, outside in replay.graph.outside.items():
        own = name.startswith(prefix) and "." not in name[len(prefix) :]
        if own and len(outside.meta.shape) > 1 and outside.meta.requires_grad:
            gradient = replay.gradient(OutsideRef(name))
            if gradient is not None and not gradient.is_sparse:
                return replay.value(OutsideRef(name)), gradient
    return None


def norm(t: "Tensor") -> float:
    """L2 norm in float64."""
    return float(t.detach().double().norm())


def passages(replay: "Replay") -> Iterator[Passage]:
    """Fused recurrent layers, then matrices of weights that are used step by step, each time on what came of the last.

    Of the latter the gradient is by what the matrix gives at each step, which adds to the state there.
    """
    graph = replay.graph
    for node in graph.nodes:
        if node.name in FUSED and (found := _through(replay, node)) is not None:
            yield Passage(graph.module_of(node), found, fused=True)
    for name, nodes in graph.once(repeated).items():
        gradients = [replay.gradient(NodeRef(node)) for node in nodes]
        known = np.array([norm(each) for each in gradients if each is not None])
        if len(known) >= STEPS:
            yield Passage(name.removeprefix("param:").rpartition(".")[0], known, fused=False)


def repeated(graph: Graph) -> dict[str, list[int]]:
    """For every matrix of weights that a recurrence uses, the operations that take it, step by step."""
    depths = graph.once(depths_of)
    users: dict[str, list[int]] = {}
    for node in graph.nodes:
        for name in _weights_of(graph, node):
            users.setdefault(name, []).append(node.id)
    return {
        name: nodes
        for name, nodes in users.items()
        if len(nodes) >= STEPS and depths[NodeRef(nodes[-1])] - depths[NodeRef(nodes[0])] >= len(nodes) - 1
    }


def _through(replay: "Replay", node: Node) -> NDArray[np.float64] | None:
    """Norm of the loss's gradient by each step of a fused layer's input, by going back through it alone."""
    import torch

    from dgmtui.trace.operations import run_node

    ref = next(node.inputs())
    by_result = {out: replay.gradient(NodeRef(node.id, out)) for out in range(len(node.outs))}
    given = replay.value(ref, at=node.id)
    backwards = node.name in REVERSED and node.args[REVERSED[node.name]] is True
    if given.dim() != 3 or backwards or all(each is None for each in by_result.values()):
        return None
    try:
        with torch.enable_grad():
            leaf = given.detach().clone().requires_grad_()
            results = run_node(node, lambda wanted: leaf if wanted == ref else replay.value(wanted, at=node.id))
            pairs = [(result, by) for out, result in enumerate(results) if (by := by_result.get(out)) is not None]
            (back,) = torch.autograd.grad([r for r, _ in pairs], leaf, [by for _, by in pairs])
    except (ReplayError, RuntimeError):
        return None
    place = FUSED[node.name]
    time = 1 if place is not None and node.args[place] is True else 0
    steps = back.movedim(time, 0).reshape(back.shape[time], -1)
    norms: NDArray[np.float64] = steps.double().norm(dim=1).numpy()
    return norms
