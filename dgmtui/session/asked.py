"""What chart is asked for, and about how much work it is to make."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.session.chart_settings import ChartSettings
from dgmtui.session.lines import Place
from dgmtui.session.population import Population, Window, population_of

if TYPE_CHECKING:
    from dgmtui.session.session import Session

READ_TOGETHER = 1024
"""Units of a chunk: to read one of them is to read them all."""
PICKED = 2_000
"""Values that are read in the time that picking takes for one series."""
LATE = 4
"""A late value takes so many times as long."""


@dataclass(frozen=True)
class Asked:
    """One chart."""

    population: Population
    settings: ChartSettings
    extent: Window
    """Iterations from the first row of the window up to and without the one after the last."""
    rows: tuple[int, ...]
    """How many rows of each member there are."""
    selected: Place | None
    """Number of a member and unit: drawn in any case."""

    @property
    def wish(self) -> tuple[object, ...]:
        """What a person asked for: the same while the run goes on and another unit is looked at."""
        return self.population, self.settings

    @property
    def sketch_key(self) -> tuple[object, ...]:
        """What is read for it: the columns, which grow with the run."""
        return self.population, self.settings.window

    @property
    def sample_key(self) -> tuple[object, ...]:
        """What is picked for it, whatever rows there are."""
        drawn = self.settings
        return *self.sketch_key, drawn.k, drawn.scale, drawn.limits

    @property
    def chart_key(self) -> tuple[object, ...]:
        """What is shown of it, whatever rows there are."""
        return *self.sample_key, self.settings.overlay, self.selected

    @property
    def backdrop_key(self) -> tuple[object, ...]:
        """What is laid beneath it, whatever rows there are."""
        drawn = self.settings
        return *self.sketch_key, drawn.scale, drawn.limits, drawn.overlay

    @property
    def what(self) -> str:
        """For people: what is going on while it is made."""
        return f"sampling {self.population.units:,} series"

    def reading(self, known: tuple[int, ...]) -> int:
        """Values to read for the columns, of which so many rows of each member are known."""
        work = 0
        for member, before in zip(self.population.members, known, strict=True):
            start, stop = member.rows(self.settings.window)
            fresh = max(0, stop - max(start, before))
            work += LATE * (stop - start) * member.units if member.late else fresh * member.units
        return work

    @property
    def picking(self) -> int:
        """The same for the picks."""
        return PICKED * self.population.units

    def drawing(self, places: int) -> int:
        """The same for so many lines."""
        longest = max(
            (stop - start for start, stop in (m.rows(self.extent) for m in self.population.members)), default=0
        )
        return longest * min(places * READ_TOGETHER, self.population.units)


def asked_of(session: "Session") -> Asked | None:
    """What the session's selection asks for; None where nothing is recorded of it."""
    population = population_of(session)
    if population is None:
        return None
    home, unit = population.home, session.unit
    selected = None
    if home is not None and unit is not None and unit < population.members[home].units:
        selected = home, unit
    extent = population.extent(session.drawn.window) or (0, 0)
    rows = tuple(len(member.recording.rows) for member in population.members)
    return Asked(population, session.drawn, extent, rows, selected)
