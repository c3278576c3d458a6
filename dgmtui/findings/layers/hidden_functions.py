"""Functions at work inside one operation: the gates of a fused LSTM, the softmax of attention."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import ReplayError
from dgmtui.findings.layers.activations import Site
from dgmtui.findings.layers.preactivations import SHUT
from dgmtui.trace.graph import Graph, Node, NodeRef

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.trace.replay import Replay

FUSED_LSTM = "aten.mkldnn_rnn_layer"
ATTENTION = "aten._scaled_dot_product_flash_attention_for_cpu"
SOFTMAX = "aten._softmax"
REVERSED_ARGUMENT = 7
"""The argument of the fused LSTM that tells that it goes from the last step to the first."""
Inner = tuple[Site, NDArray[np.float64], NDArray[np.float64], float, float, int]
"""Where, ``[U]`` the share of samples for which a unit is flat, ``[U]`` the greatest of what goes in, the share of all
values that are flat, the least of what goes in, and how many samples there are."""


def hidden_functions(replay: "Replay") -> Iterator[Inner]:
    """Every one of an iteration whose inputs can be worked out."""
    for node in replay.graph.nodes:
        try:
            if node.name == FUSED_LSTM:
                yield from _gates(replay, node)
            elif node.name in (ATTENTION, SOFTMAX):
                yield from _softmax(replay, node)
        except (ReplayError, RuntimeError, TypeError, IndexError):  # arguments of another version
            continue


def _gates(replay: "Replay", node: Node) -> Iterator[Inner]:
    """Of an LSTM: input, forget and output gates (sigmoid) and the candidate (tanh), at every step of every sample."""
    import torch

    x, w_input, w_state, b_input, b_state, state = (replay.value(ref, at=node.id) for ref in list(node.inputs())[:6])
    out = replay.value(NodeRef(node.id))
    if w_input.shape[0] != 4 * w_state.shape[1] or node.args[REVERSED_ARGUMENT] is True or x.dim() != 3:
        return
    before = torch.cat([state.reshape(1, out.shape[1], -1), out[:-1]])
    sums = (x @ w_input.T + before @ w_state.T + b_input + b_state).detach().double()
    four = sums.reshape(*sums.shape[:2], 4, -1)
    slope = four.sigmoid() * (1 - four.sigmoid())
    slope[:, :, 2] = 1 - four[:, :, 2].tanh() ** 2
    flat = (slope < SHUT).reshape(*sums.shape)
    site = _site(replay.graph, node, "aten.sigmoid", "gates")
    yield (
        site,
        flat.double().mean(dim=(0, 1)).numpy(),
        sums.amax(dim=(0, 1)).numpy(),
        float(flat.double().mean()),
        float(sums.min()),
        int(sums.shape[1]),
    )


def _softmax(replay: "Replay", node: Node) -> Iterator[Inner]:
    """A softmax is flat where one of its results is all but 1: a row of attention that sees one place only."""
    logits = _logits(replay, node)
    if logits is None or logits.shape[-1] < 2 or logits.dim() < 3:
        return
    known = logits.isfinite().sum(dim=-1) > 1  # of a row with one place left by the mask nothing is to be chosen
    top = logits.softmax(dim=-1).amax(dim=-1)
    flat = (top * (1 - top) < SHUT) & known
    share = float(flat.sum()) / max(1, int(known.sum()))
    finite = logits[logits.isfinite()]
    if finite.numel():
        site = _site(replay.graph, node, SOFTMAX, "attention")
        yield site, np.array([share]), np.array([float(finite.max())]), share, float(finite.min()), logits.shape[0]


def _logits(replay: "Replay", node: Node) -> "Tensor | None":
    taken = [replay.value(ref, at=node.id).detach().double() for ref in node.inputs()]
    if node.name == SOFTMAX:
        return taken[0] if node.args[1] in (-1, taken[0].dim() - 1) else None
    query, key = taken[0], taken[1]
    scale = node.kwargs.get("scale")
    logits = query @ key.transpose(-1, -2) * (float(scale) if isinstance(scale, int | float) else _usual(query))
    mask = node.kwargs.get("attn_mask")
    if isinstance(mask, NodeRef):
        logits = logits + replay.value(mask, at=node.id).double()
    if len(node.args) > 4 and node.args[4] is True:
        logits = logits.masked_fill(logits.new_ones(logits.shape[-2:]).tril() == 0, -math.inf)
    return logits


def _usual(query: "Tensor") -> float:
    return 1 / math.sqrt(query.shape[-1])


def _site(graph: Graph, node: Node, op: str, what: str) -> Site:
    module = graph.module_of(node)
    return Site(node.id, module, op, f"{what} of {module}" if module else what, None, ("",))
