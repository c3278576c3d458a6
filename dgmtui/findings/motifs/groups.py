"""Groups: series that share a motif at the same time, more of them than chance would bring together."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.motifs.model import Group, MotifKind, Motifs, Part, Place, Table
from dgmtui.findings.thresholds import Thresholds


@dataclass(frozen=True)
class Event:
    """The motifs of one kind that begin at one row, of the series of one place."""

    kind: MotifKind
    place: Place
    iteration: int
    last: int
    reach: float
    """Iterations within which another of its kind began at the same time."""
    share: float
    """Of all rows, those within its reach."""
    units: tuple[int, ...]
    """Strongest first; empty where the place has no units."""
    rising: int
    score: float
    before: float
    after: float
    period: float | None
    """In iterations."""

    @property
    def count(self) -> int:
        """How many series."""
        return max(1, len(self.units))


def events_of(table: Table, motifs: Motifs) -> Iterable[Event]:
    """The motifs of a table, those that begin together as one event."""
    together: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    places = table.which[motifs.series].tolist()
    for i, (place, row) in enumerate(zip(places, motifs.row.tolist(), strict=True)):
        octave = 0 if motifs.period is None else round(4 * math.log2(float(motifs.period[i])))
        together[place, row, octave].append(i)
    for (number, row, _), members in together.items():
        yield _event(table, motifs, table.places[number], row, members)


def _event(table: Table, motifs: Motifs, place: Place, row: int, members: list[int]) -> Event:
    members.sort(key=lambda i: -float(motifs.score[i]))
    strongest = members[0]
    last = max(int(motifs.last[i]) for i in members)
    before, after = _levels(motifs.kind, table.values[motifs.series[strongest]], row, int(motifs.last[strongest]))
    at, rows = table.iterations, len(table.iterations)
    gap = int(at[row] - at[max(row - 1, 0)]) or int(at[1] - at[0])
    grain = {MotifKind.DRIFT: 2 * max(1, rows // 40), MotifKind.OSCILLATION: 32}.get(motifs.kind, 1)
    return Event(
        kind=motifs.kind,
        place=place,
        iteration=int(at[row]),
        last=int(at[last]),
        reach=grain * gap,
        share=min(1.0, (2 * grain + 1) / rows),
        units=tuple(table.units[motifs.series[members]].tolist()) if place.of_units else (),
        rising=sum(motifs.rising[members].tolist()),
        score=float(motifs.score[strongest]),
        before=before,
        after=after,
        period=None if motifs.period is None else float(motifs.period[strongest]) * gap,
    )


def _levels(kind: MotifKind, values: NDArray[np.float32], row: int, last: int) -> tuple[float, float]:
    """What a series was before its motif, and then."""
    past = values[max(0, row - 5) : row]
    past = past[np.isfinite(past)]
    if kind in (MotifKind.DRIFT, MotifKind.DIVERGENCE):
        after = values[last]
    elif kind == MotifKind.STEP:
        after = np.median(values[row : row + 5])
    else:
        after = values[row]
    return float(np.median(past)) if len(past) else math.nan, float(after)


def groups_of(events: Sequence[Event], thresholds: Thresholds) -> tuple[Group, ...]:
    """Groups of events of one kind that begin within a row of each other, the earliest first.

    Of a place at least three series take part, more than so likely by chance (Poisson, at the rate at which that motif
    comes in the place at other times); or one of them stands out so far that it needs no company.
    """
    groups: list[Group] = []
    for kind in MotifKind:
        chosen = [event for event in events if event.kind == kind]
        groups += _of_kind(kind, chosen, thresholds)
    order = tuple(MotifKind)
    return tuple(sorted(groups, key=lambda g: (g.iteration, -g.weight, order.index(g.kind))))


def _of_kind(kind: MotifKind, events: list[Event], thresholds: Thresholds) -> Iterable[Group]:
    totals: dict[Place, int] = defaultdict(int)
    for event in events:
        totals[event.place] += event.count
    left = list(events)
    while left:
        middle, near = _densest(left)
        taken = {id(event) for event in near}
        left = [event for event in left if id(event) not in taken]
        if parts := _parts(near, totals, thresholds):
            yield _group(kind, middle, parts, near)


def _densest(events: list[Event]) -> tuple[int, list[Event]]:
    """Where most begin, by the shares of their places, and those that begin there together."""
    begins, place = np.unique([event.iteration for event in events], return_inverse=True)
    weight = np.bincount(place, [event.count / event.place.of for event in events])
    middle = int(begins[int(weight.argmax())])
    return middle, [event for event in events if abs(event.iteration - middle) <= event.reach]


def _parts(near: list[Event], totals: dict[Place, int], thresholds: Thresholds) -> tuple[Part, ...]:
    by_place: dict[Place, list[Event]] = defaultdict(list)
    for event in near:
        by_place[event.place].append(event)
    parts = [_part(place, events) for place, events in by_place.items() if _matters(events, totals[place], thresholds)]
    parts.sort(key=lambda part: (-part.count, -part.score, -len(part.place.module or "")))
    once = {(p.place.quantity, p.place.measure, p.units, p.before, p.after, p.score): p for p in reversed(parts)}
    return tuple(part for part in parts if part in once.values())


def _matters(events: list[Event], total: int, thresholds: Thresholds) -> bool:
    count = sum(event.count for event in events)
    expected = (total - count) * max(event.share for event in events)
    least = max(thresholds.motif_series, thresholds.motif_share * events[0].place.of)
    many = count >= least and _tail(count, expected) < thresholds.motif_chance
    return many or max(event.score for event in events) >= _alone(events[0], thresholds)


def _alone(event: Event, thresholds: Thresholds) -> float:
    """The score from which one series needs no company."""
    limits = {
        MotifKind.SPIKE: thresholds.motif_spike,
        MotifKind.STEP: thresholds.motif_step,
        MotifKind.DRIFT: thresholds.motif_drift,
        MotifKind.DIVERGENCE: thresholds.motif_wander,
        MotifKind.PLATEAU: math.inf if event.place.of_units else 0.0,
        MotifKind.OSCILLATION: math.inf if event.place.of_units else 0.0,
    }
    return thresholds.motif_alone * limits[event.kind]


def _tail(count: int, expected: float) -> float:
    """Probability that a Poisson variable of that mean is at least ``count``."""
    if expected <= 0:
        return 0.0
    below = sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count))
    return max(0.0, 1.0 - below)


def _part(place: Place, events: list[Event]) -> Part:
    events = sorted(events, key=lambda event: -event.score)
    units = tuple(dict.fromkeys(unit for event in events for unit in event.units))
    strongest, rising = events[0], sum(event.rising for event in events)
    return Part(
        place, units, strongest.iteration, min(rising, max(1, len(units))), strongest.before, strongest.after,
        strongest.score,
    )  # fmt: skip


def _group(kind: MotifKind, middle: int, parts: tuple[Part, ...], near: list[Event]) -> Group:
    kept = {part.place for part in parts}
    events = [event for event in near if event.place in kept]
    period = max(events, key=lambda event: event.score).period
    return Group(kind, middle, max(e.last for e in events), parts, period)
