"""Charts made from a recording, and whatever of that may be of use again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling import Columns, Part, Sample, Sketch, Tell, bands, density, pick, scale_for
from dgmtui.session.asked import Asked
from dgmtui.session.composing import Chosen, blank, chosen_of, compose
from dgmtui.session.kept import Kept, Newest
from dgmtui.session.lines import Grid, Place, grid_of, read_lines
from dgmtui.session.seen import SeenRows
from dgmtui.session.view import Backdrop, DynamicsView

COLUMN_BYTES = 192 << 20
"""Of the columns that are kept. Greater ones are read again each time."""
KEPT_CHARTS = 32
KEPT_SAMPLES = 64
KEPT_PARTS = 4
NONFINITE_TOGETHER = 4096
"""So many of a sample's non-finite series take the place of another sample."""
SKETCHING = 0.85
"""The share of the work that reading the columns is, as it is told."""
UNSEEN = "no recorded iteration of the window saw it; `dynamics --whole` shows all"


@dataclass(frozen=True)
class Sketched:
    """Columns, with what they grow from."""

    sketch: Sketch
    columns: Columns
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Drawn:
    """Lines that were read."""

    grid: Grid
    values: dict[Place, NDArray[np.float32]]


@dataclass(frozen=True)
class Shown:
    """The last chart of a subject: its picks are offered to the next."""

    asked: Asked
    chart: DynamicsView
    picks: tuple[Place, ...]


class ChartMaker:
    """Makes charts, in whichever thread asks; never one sketch in two."""

    def __init__(self) -> None:
        self._seen = SeenRows()
        self._parts: Newest[object, tuple[Part, ...]] = Newest(KEPT_PARTS)
        self._columns: Kept[object, Sketched] = Kept(COLUMN_BYTES)
        self._samples: Newest[object, Sample] = Newest(KEPT_SAMPLES)
        self._backdrops: Newest[object, Backdrop] = Newest(KEPT_SAMPLES)
        self._drawn: Newest[object, Drawn] = Newest(KEPT_CHARTS)
        self._charts: Newest[object, DynamicsView] = Newest(KEPT_CHARTS)
        self._shown: Kept[object, Shown] = Kept(KEPT_CHARTS)

    def made(self, asked: Asked) -> DynamicsView | None:
        """The chart, if it was made."""
        return self._charts.get(asked.chart_key, asked.rows)

    def last(self, asked: Asked) -> Shown | None:
        """The last chart of the same subject."""
        return self._shown.get(asked.population.subject)

    def work(self, asked: Asked) -> int:
        """About how many values must be read to make it."""
        sketched = self._columns.get(asked.sketch_key)
        sampled = self._samples.get(asked.sample_key, asked.rows) is not None
        overlaid = asked.settings.overlay == "none" or self._backdrops.get(asked.backdrop_key, asked.rows) is not None
        work = 0
        if not (sampled and overlaid):
            known = (0,) * len(asked.rows) if sketched is None else sketched.rows
            work += asked.reading(known) + asked.picking
        drawn = self._drawn.get(asked.sample_key, asked.rows)
        return work + asked.drawing(1 if drawn is not None else asked.settings.k)

    def make(self, asked: Asked, tell: Tell, latest: Callable[[Asked], Asked] = lambda asked: asked) -> Shown:
        """Read what is not known yet, pick, and read the lines.

        Args:
            tell: told the share done; what it raises stops the work.
            latest: what is asked for by then, asked when the columns are there, of which another chart can be made.
        """
        parts = self.parts(asked)
        if not any(_sees(part, asked.extent) for part in parts):
            shown = Shown(asked, blank(asked, UNSEEN), ())
        else:
            asked, sample = self._sample(asked, parts, lambda share: tell(SKETCHING * share), latest)
            chosen = chosen_of(asked, sample, parts)
            grid, lines = self._lines(asked, parts, chosen, lambda share: tell(SKETCHING + (1 - SKETCHING) * share))
            chart = compose(
                asked, sample, chosen, grid.iterations, lines, self._backdrops.get(asked.backdrop_key, asked.rows)
            )
            shown = Shown(asked, chart, tuple(chosen.kinds))
        self._charts.put(asked.chart_key, asked.rows, shown.chart)
        self._shown.put(asked.population.subject, shown)
        return shown

    def parts(self, asked: Asked) -> tuple[Part, ...]:
        """The tables of the population, as many rows as are asked for."""
        made = self._parts.get(asked.sketch_key, asked.rows)
        if made is None:
            members = asked.population.members
            absent = self._seen.absent(members, asked.extent)
            made = tuple(
                Part(
                    member.recording.series(member.channel, asked.population.measure),
                    member.recording.rows[:count],
                    each[:count] if each[:count].any() else None,
                )
                for member, count, each in zip(members, asked.rows, absent, strict=True)
            )
            self._parts.put(asked.sketch_key, asked.rows, made)
        return made

    def _sample(
        self, asked: Asked, parts: tuple[Part, ...], tell: Tell, latest: Callable[[Asked], Asked]
    ) -> tuple[Asked, Sample]:
        """The sample, and its backdrop where one is asked for."""
        sample = self._samples.get(asked.sample_key, asked.rows)
        overlaid = asked.settings.overlay == "none" or self._backdrops.get(asked.backdrop_key, asked.rows) is not None
        if sample is not None and overlaid:
            return asked, sample
        sketched = self._read(asked, parts, tell)
        later = latest(asked)
        if later.sketch_key == asked.sketch_key:
            asked = replace(later, rows=asked.rows, extent=asked.extent)
        self._lay_beneath(asked, sketched.columns)
        sample = self._samples.get(asked.sample_key, asked.rows)
        if sample is None:
            drawn, size = asked.settings, sketched.sketch.nbytes
            sample = pick(
                sketched.columns, drawn.k, scale=drawn.scale, limits=drawn.limits, offered=self._offered(asked, parts),
                overwrite=size > COLUMN_BYTES,
            )  # fmt: skip
            self._samples.put(asked.sample_key, asked.rows, sample, 1 + len(sample.nonfinite) // NONFINITE_TOGETHER)
        self._columns.put(asked.sketch_key, sketched, _size(sketched))
        return asked, sample

    def _read(self, asked: Asked, parts: tuple[Part, ...], tell: Tell) -> Sketched:
        """The columns, of which only rows that came since are read."""
        start, stop = asked.extent
        found = self._columns.take(asked.sketch_key)
        if found is not None and found.rows == asked.rows:
            return found
        if found is None or found.sketch.start != start:
            sketch = Sketch(parts, start, stop)
        else:
            sketch = found.sketch
            sketch.grow(stop)
        sketch.read(parts, tell)
        return Sketched(sketch, sketch.columns(), asked.rows)

    def _lay_beneath(self, asked: Asked, columns: Columns) -> None:
        drawn, key = asked.settings, asked.backdrop_key
        if drawn.overlay == "none" or self._backdrops.get(key, asked.rows) is not None:
            return
        scale = scale_for(columns, drawn.scale, drawn.limits)
        if scale is not None:
            dense = density(columns, scale) if drawn.overlay == "density" else None
            backdrop = Backdrop(columns.edges, dense, bands(columns) if dense is None else None)
            self._backdrops.put(key, asked.rows, backdrop)

    def _offered(self, asked: Asked, parts: tuple[Part, ...]) -> list[int]:
        """The series of the last picks by their present numbers."""
        before = self.last(asked)
        if before is None:
            return []
        begins, total = {}, 0
        for member, part in zip(asked.population.members, parts, strict=True):
            begins[member.rank, member.module] = total, part.units
            total += part.units
        found = []
        for number, unit in before.picks:
            member = before.asked.population.members[number]
            begin, units = begins.get((member.rank, member.module), (0, 0))
            found += [begin + unit] if unit < units else []
        return found

    def _lines(
        self, asked: Asked, parts: tuple[Part, ...], chosen: Chosen, tell: Tell
    ) -> tuple[Grid, list[NDArray[np.float32]]]:
        """In the order of what is chosen; only those that were not read yet are read."""
        grid = grid_of(parts, sorted({number for number, _ in chosen.kinds}), asked.extent)
        drawn = self._drawn.get(asked.sample_key, asked.rows)
        known = {} if drawn is None or not np.array_equal(drawn.grid.union, grid.union) else drawn.values
        missing = [at for at in chosen.kinds if at not in known]
        if missing:
            values = np.ascontiguousarray(read_lines(parts, missing, grid, asked.extent, tell).T)
            known = known | dict(zip(missing, values, strict=True))
            self._drawn.put(asked.sample_key, asked.rows, Drawn(grid, {at: known[at] for at in chosen.kinds}))
        return grid, [known[at] for at in chosen.kinds]


def _sees(part: Part, extent: tuple[int, int]) -> bool:
    start, stop = np.searchsorted(part.iterations, extent)
    return bool(stop > start) and (part.absent is None or not bool(part.absent[start:stop].all()))


def _size(sketched: Sketched) -> int:
    """Bytes; columns that are a copy count too."""
    own = sketched.sketch.nbytes
    return own if own == sketched.columns.extremes.nbytes else own + sketched.columns.extremes.nbytes
