"""The networks of the iteration at the cursor: one a turn, made when first asked for and kept until what they tell of
changes."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dgmtui.errors import RecordingError, UsageError
from dgmtui.session.network.flows import sources
from dgmtui.session.network.making import Seen, network_of
from dgmtui.session.network.model import Network
from dgmtui.session.network.parts import children
from dgmtui.session.operations import Range, birthplace
from dgmtui.trace.graph import Graph, NodeRef, Ref

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.replayed import Replayed
    from dgmtui.session.session import Session
    from dgmtui.trace.birth import Birth


@dataclass(frozen=True)
class Asked:
    """How the network is to be drawn."""

    module: str = ""
    depth: int | None = None
    fold: bool = True


@dataclass
class Networks:
    """What ``graph`` asked for last, and what was made of it."""

    asked: Asked | None = None
    """None until it is asked for: the screen's first paint does not wait for it."""
    _made: dict[tuple[object, ...], tuple[Network, object]] = field(default_factory=dict)
    """By what they depend on, some of it by identity, which is therefore kept beside them."""
    _ranges: "tuple[Replayed | None, dict[Ref, Range]]" = (None, {})

    def shown(self, session: "Session") -> tuple[Network, ...]:
        """As asked for last; none where nothing was, or the trace can't be read or does not run that module."""
        try:
            return () if self.asked is None else self.networks(session, self.asked)
        except (RecordingError, UsageError):
            return ()

    def networks(self, session: "Session", asked: Asked) -> tuple[Network, ...]:
        """One for each turn of the iteration whose snapshot is at the cursor or the nearest before it.

        Raises:
            UsageError: there is none, or no turn calls the module.
        """
        at = session.needed_snapshot()
        turns = [s for s in session.recording.snapshots if s.iteration == at.iteration and s.trace >= 0]
        if not turns:
            raise UsageError(f"iteration {at.iteration:,} was not traced, so that its network is not known")
        before, self._made = self._made, {}
        made = [network for turn in turns if (network := self._network(session, turn, asked, before)) is not None]
        if not made:
            raise UsageError(f"{asked.module} is not called in iteration {at.iteration:,}; `graph .` shows what is")
        return tuple(made)

    def _network(
        self,
        session: "Session",
        snapshot: "SnapshotInfo",
        asked: Asked,
        before: dict[tuple[object, ...], tuple[Network, object]],
    ) -> Network | None:
        results = session.results
        graph = results.edited_graph(snapshot) or session.operations.graph(snapshot.trace)
        scope = _scope(graph, asked.module)
        if scope is None:
            return None
        made, births = results.replayed(snapshot), results.births_if_made(snapshot)
        health = {} if made is not None else _health(session)
        key = (snapshot.trace, snapshot.turn, asked, id(graph), id(made), id(births), tuple(sorted(health.items())))
        if key in before:
            self._made[key] = before[key]
        else:
            seen = self._seen(session, graph, made, births, health)
            network = network_of(graph, seen, scope=scope, module=asked.module, depth=asked.depth, fold=asked.fold)
            network = replace(network, turn=snapshot.turn, note=_note(graph, network, asked))
            self._made[key] = (network, (graph, made, births))
        return self._made[key][0]

    def _seen(
        self,
        session: "Session",
        graph: Graph,
        made: "Replayed | None",
        births: "tuple[Birth, ...]",
        health: dict[str, str],
    ) -> Seen:
        if made is None:
            return Seen(health=health)
        blamed = next((birth for birth in births if not birth.harmless), births[0] if births else None)
        ranges = session.operations.ranges_of(made)
        after = _after(graph, {birth.node for birth in births}, {birth.outside for birth in births})
        outside = blamed.outside if blamed is not None and blamed.node is None else None
        held = outside is not None and graph.outside[outside].kind != "input"
        return Seen(
            ranges=lambda ref: self._range(session, made, ref),
            bad=frozenset(node for node in after if ranges[node][2]),
            born=None if outside is not None and not held else birthplace(graph, births),
            born_outside=None if held else outside,
            led_to=not held,
            replayed=True,
        )

    def _range(self, session: "Session", made: "Replayed", ref: Ref) -> Range:
        if self._ranges[0] is not made:
            self._ranges = (made, {})
        known = self._ranges[1]
        if ref not in known:
            known[ref] = session.operations.range_of_ref(made, ref)
        return known[ref]


def _after(graph: Graph, born: "set[int | None]", outside: "set[str | None]") -> set[int]:
    """Nodes that may hold what was born elsewhere, birthplaces included."""
    found: set[int] = set()
    for node, taken in zip(graph.nodes, sources(graph), strict=True):
        came = (ref.node in found if isinstance(ref, NodeRef) else ref.name in outside for ref in taken)
        if node.id in born or any(came):
            found.add(node.id)
    return found


def _scope(graph: Graph, module: str) -> int | None:
    """Id of the module's first call that ran something; -1: all. None where it has none."""
    if not module:
        return -1
    made = children(graph)
    return next((call.id for calls in made.values() for call in calls if call.module == module), None)


def _health(session: "Session") -> dict[str, str]:
    health, outline = session.tree.health(session.ranks.findings(quick=True)), session.tree.outline
    marks = ((module.path, health.at(place, session.iteration)) for place, module in enumerate(outline.modules))
    return {path: mark for path, mark in marks if mark in ("warning", "error")}


def _note(graph: Graph, network: Network, asked: Asked) -> str:
    said = []
    calls = sum(call.module == asked.module for call in graph.calls)
    if asked.module and calls > 1:
        said.append(f"the first of {calls} calls of {asked.module}")
    folded = next((vertex for vertex in network.vertices if vertex.repeats > 1), None)
    if folded is not None:
        said.append(f"×{folded.repeats}: alike, one after another; `graph {folded.modules[0]}` opens one")
    elif network.depth < network.deepest:
        said.append(
            f"{network.depth} of {network.deepest} levels opened; `graph --depth {network.depth + 1}` opens more"
        )
    return "; ".join(said)
