"""Which series the dynamics chart is a sample of: one module's, those of all below it, those of all ranks."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dgmtui.recording.elements import series_label
from dgmtui.recording.model import Measure, Quantity
from dgmtui.session.chart_settings import Scope
from dgmtui.session.operations import within

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.session.session import Session

Window = tuple[int, int]


@dataclass(frozen=True)
class Member:
    """One module's quantity on one rank: a part of the population."""

    recording: "Recording" = field(compare=False, repr=False)
    rank: int
    channel: int
    module: str
    units: int
    late: bool
    """Its rows are read from the table of what was met late, all at once."""

    def rows(self, window: Window | None) -> tuple[int, int]:
        """Rows from, up to and without, of the iterations in ``window``; all where it is None."""
        rows = self.recording.rows
        if window is None:
            return 0, len(rows)
        start, stop = np.searchsorted(rows, window)
        return int(start), int(stop)


@dataclass(frozen=True)
class Population:
    """All series of which some are drawn."""

    module: str
    """The one that is looked at."""
    quantity: Quantity
    measure: Measure
    scope: Scope
    members: tuple[Member, ...]
    home: int | None
    """Number of the member whose units are those of the module that is looked at; None where it has none, or where
    single elements are drawn."""
    generations: tuple[int, ...]
    """Of each rank's recording: where one was rewritten, nothing that is known of its rows holds any more."""

    @property
    def subject(self) -> tuple[object, ...]:
        """What stays when modules are met late, and when another rank is looked at."""
        return self.module, self.quantity, self.measure, self.scope

    @property
    def units(self) -> int:
        """How many series there are."""
        return sum(member.units for member in self.members)

    def extent(self, window: Window | None) -> Window | None:
        """Iterations from the first row in ``window`` up to and without the one after the last; None: it holds none."""
        first: list[int] = []
        last: list[int] = []
        for recording in {id(m.recording): m for m in self.members}.values():
            start, stop = recording.rows(window)
            if stop > start:
                rows = recording.recording.rows
                first.append(int(rows[start]))
                last.append(int(rows[stop - 1]) + 1)
        return (min(first), max(last)) if first else None


def population_of(session: "Session") -> Population | None:
    """What is selected, as far as ``session.drawn.scope`` reaches; None where nothing is recorded of it."""
    module, quantity, measure, scope = session.module, session.quantity, session.drawn_measure, session.drawn.scope
    recordings = session.recording.ranks if scope == "ranks" else (session.recording,)
    members: list[Member] = []
    for recording in recordings:
        late = recording.first_late_channel
        members += (
            Member(recording, recording.info.rank, i, each.module, each.width(measure), i >= late)
            for i, each in enumerate(recording.channels)
            if each.quantity == quantity and each.width(measure) and is_looked_at(each.module, module, scope)
        )
    if not members:
        return None
    here = (session.rank, module)
    units = (i for i, member in enumerate(members) if (member.rank, member.module) == here)
    home = None if measure is Measure.ELEMENT else next(units, None)
    return Population(module, quantity, measure, scope, tuple(members), home, generations_of(session.recording))


def generations_of(recording: "Recording") -> tuple[int, ...]:
    """Of every rank."""
    return tuple(each.generation for each in recording.ranks)


def label_of(population: Population, number: int, unit: int) -> str:
    """What a series is called on the chart and in a table: ``[212]``, ``dec.xv[212]``, ``rank 1 [212]``; where single
    elements are followed, ``[17,203]``."""
    member = population.members[number]
    label = series_label(member.recording.channels[member.channel], population.measure, unit)
    if population.scope == "below":
        return f"{member.module or 'root'}{label}"
    return f"rank {member.rank} {label}" if population.scope == "ranks" else label


def is_looked_at(module: str, selected: str, scope: Scope) -> bool:
    """Whether it is the selected module, or below it where the chart shows those too."""
    return module == selected or (scope == "below" and within(module, selected))
