"""Latent variables that are drawn around what an encoder gives: found in a trace by ``mean + deviation · noise``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.layers.lineage import MOVING, made_by
from dgmtui.trace.graph import Graph, Node, NodeRef, Ref

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

DRAWS = frozenset({"aten.randn_like", "aten.normal_", "aten.randn", "aten.normal"})


@dataclass(frozen=True)
class Latent:
    """One draw in one replayed iteration."""

    module: str | None
    """The module that gives the mean."""
    variance: NDArray[np.float64]
    """``[L]``, of the mean over the samples of the batch."""
    divergence: NDArray[np.float64]
    """``[L]``, from the standard normal distribution, in nats, averaged over the batch."""


def latents(replay: "Replay") -> Iterator[Latent]:
    """Every latent variable of an iteration."""
    graph = replay.graph
    for mean, deviation in graph.once(drawn_around):
        mu, sigma = replay.value(mean).detach().double(), replay.value(deviation).detach().double()
        if mu.shape != sigma.shape or mu.dim() < 2 or mu.shape[0] < 2:
            continue
        divergence = 0.5 * (mu**2 + sigma**2 - 1 - 2 * sigma.abs().clamp_min(1e-30).log())
        maker = made_by(graph, mean)
        yield Latent(
            None if maker is None else maker.module,
            mu.reshape(mu.shape[0], -1).var(dim=0).numpy(),
            divergence.reshape(mu.shape[0], -1).mean(dim=0).numpy(),
        )


def drawn_around(graph: Graph) -> tuple[tuple[Ref, Ref], ...]:
    """Mean and deviation of every ``mean + deviation · noise`` whose two others depend on parameters."""
    trained = _trained(graph)
    found: dict[tuple[Ref, Ref], None] = {}
    for node in graph.nodes:
        if node.name.rstrip("_") not in ("aten.add", "aten.addcmul"):
            continue
        for pair in _pairs(graph, node):
            if all(ref in trained for ref in pair):
                found[pair] = None
    return tuple(found)


def _pairs(graph: Graph, node: Node) -> Iterator[tuple[Ref, Ref]]:
    taken = list(node.inputs())
    if node.name == "aten.addcmul" and len(taken) == 3:
        for noise, other in ((taken[1], taken[2]), (taken[2], taken[1])):
            if _is_noise(graph, noise):
                yield taken[0], other
    for mean, product in ((taken[0], taken[1]), (taken[1], taken[0])) if len(taken) == 2 else ():
        if isinstance(product, NodeRef) and graph.nodes[product.node].name.rstrip("_") == "aten.mul":
            factors = list(graph.nodes[product.node].inputs())
            for noise, other in ((factors[0], factors[-1]), (factors[-1], factors[0])) if len(factors) == 2 else ():
                if _is_noise(graph, noise):
                    yield mean, other


def _is_noise(graph: Graph, ref: Ref) -> bool:
    """Whether it is a normal draw, moved about at most, or one that was made outside the trace of the same shape."""
    while isinstance(ref, NodeRef):
        node = graph.nodes[ref.node]
        if node.name in DRAWS:
            return True
        taken = list(node.inputs())
        if node.name.removeprefix("aten.") not in MOVING or not taken:
            return False
        ref = taken[0]
    return False


def _trained(graph: Graph) -> set[Ref]:
    """Results that depend on a parameter."""
    parameters = {name for name, outside in graph.outside.items() if outside.kind == "parameter"}
    found: set[Ref] = set()
    for node in graph.nodes:
        if any(ref in found if isinstance(ref, NodeRef) else ref.name in parameters for ref in node.inputs()):
            found |= {NodeRef(node.id, out) for out in range(len(node.outs))}
    return found
