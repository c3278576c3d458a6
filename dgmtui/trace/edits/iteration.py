"""All that a replay of one iteration runs on, as one value that edits turn into another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from dgmtui.trace.edits.inserting import Insertion, insert
from dgmtui.trace.graph import Graph
from dgmtui.trace.replay import Replay


@dataclass(frozen=True, eq=False)
class Iteration:
    """A graph, what it is fed and what it draws."""

    graph: Graph
    feeds: Mapping[str, Tensor]
    """Outside tensors by name; never changed."""
    draws: Mapping[tuple[int, int], Tensor]
    """Results of random operations by node and result; empty where chance is drawn anew."""
    rng_states: Mapping[int, Tensor]
    """States of the CPU's generator, by the node from which on they hold."""
    changed: frozenset[str] = frozenset()
    """Names of the outside tensors that an edit wrote into."""
    said: str = ""
    """What the last edit did, where that is not just what it was asked for; a sentence's beginning."""

    @classmethod
    def of(cls, replay: Replay) -> "Iteration":
        """What ``replay`` runs on."""
        return cls(replay.graph, replay.feeds, replay.given_draws, replay.rng_states)

    def replay(self, like: Replay) -> Replay:
        """A new replay of it, in the dtype and on the device of ``like``."""
        return like.again(graph=self.graph, feeds=self.feeds, draws=self.draws, rng_states=self.rng_states)

    def inserted(self, insertion: Insertion) -> "Iteration":
        """With more operations in its graph; draws and generator states stay with their nodes."""
        return replace(
            self,
            graph=insert(self.graph, insertion),
            draws={(insertion.moved(node), out): draw for (node, out), draw in self.draws.items()},
            rng_states={insertion.moved(node): state for node, state in self.rng_states.items()},
        )
