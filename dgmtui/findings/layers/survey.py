"""What the replays of a recording's snapshots show of its layers, each looked at once and kept as a few numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import ReplayError
from dgmtui.findings.case import Case
from dgmtui.findings.games.latents import Latent, latents
from dgmtui.findings.games.players import Play, plays
from dgmtui.findings.layers.activations import Site, sites
from dgmtui.findings.layers.flows import Flow, Passage, flows, passages
from dgmtui.findings.layers.hidden_functions import hidden_functions
from dgmtui.findings.layers.preactivations import preactivations
from dgmtui.recording.model import SnapshotInfo

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

MOST = 12
"""Snapshots of one turn that are replayed for it: the schedule doubles, so that these reach over 2,000 iterations."""

MOST_STEPS = 8
"""Applications of one function by a loop that are looked at."""
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """One activation function in one replayed iteration; several applications by one line are one."""

    site: Site
    shut: NDArray[np.float64]
    """``[U]``, the share of samples for which the unit lets nothing through."""
    highest: NDArray[np.float64]
    """``[U]``, of what goes in."""
    flat: float
    """Share of all values at which the function lets nothing through."""
    low: float
    """Least of what goes in."""
    samples: int

    @property
    def key(self) -> tuple[str, str, str, str | None]:
        """The same in every snapshot."""
        return self.site.module, self.site.op, self.site.label, self.site.fed_by

    @property
    def dead(self) -> NDArray[np.bool_]:
        """``[U]``, units that are below the function's threshold for every sample."""
        return np.asarray((self.shut == 1.0) & (self.highest <= 0), np.bool_)


@dataclass(frozen=True)
class Survey:
    """One replayed iteration, or turn."""

    snapshot: SnapshotInfo
    looks: tuple[Look, ...]
    flows: tuple[Flow, ...]
    passages: tuple[Passage, ...]
    plays: tuple[Play, ...]
    latents: tuple[Latent, ...]

    @property
    def iteration(self) -> int:
        """Of its snapshot."""
        return self.snapshot.iteration


def surveyed(case: Case) -> tuple[SnapshotInfo, ...]:
    """The snapshots of each turn to look at, at most ``MOST`` of them, from the first to the last healthy one."""
    healthy = [each for each in case.snapshots if each.reason != "failing" and np.isfinite(each.loss)]
    turns = {turn: [each for each in healthy if each.turn == turn] for turn in {each.turn for each in healthy}}
    return tuple(each for of_turn in turns.values() for each in evenly(of_turn, MOST))


def evenly(items: list[T], most: int) -> list[T]:
    """At most so many of them, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))]


def survey(snapshot: SnapshotInfo, replay: "Replay") -> Survey:
    """Look at one replayed iteration; what can't be run again is left out."""
    return Survey(
        snapshot,
        tuple(_together(_looks(replay))),
        tuple(flows(replay)),
        tuple(passages(replay)),
        tuple(plays(replay)),
        tuple(latents(replay)),
    )


def _looks(replay: "Replay") -> Iterator[Look]:
    applied: dict[object, list[Site]] = {}
    for site in sites(replay.graph):
        applied.setdefault((site.module, site.op, site.label, site.fed_by), []).append(site)
    for site in (site for same in applied.values() for site in evenly(same, MOST_STEPS)):
        try:
            if replay.value(next(replay.graph.nodes[site.node].inputs()), at=site.node).numel():
                here = preactivations(replay, site)
                yield Look(site, here.shut, here.unit_highest, here.flat, here.lowest, here.samples)
        except (ReplayError, RuntimeError):  # no derivative, or memory that is gone
            continue
    yield from (Look(*inner) for inner in hidden_functions(replay))


def _together(looks: Iterable[Look]) -> Iterator[Look]:
    """A function that a loop applies again and again is shut where it is shut each time."""
    found: dict[tuple[object, ...], list[Look]] = {}
    for look in looks:
        found.setdefault((*look.key, len(look.shut)), []).append(look)
    for same in found.values():
        yield Look(
            same[0].site,
            np.min([look.shut for look in same], axis=0),
            np.max([look.highest for look in same], axis=0),
            float(np.mean([look.flat for look in same])),
            min(look.low for look in same),
            same[0].samples,
        )
