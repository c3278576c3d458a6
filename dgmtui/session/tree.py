"""The network tree: of a network of any size, the rows around what is selected, with health and a spark line each."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import STATISTICS, ModuleInfo, Quantity
from dgmtui.session.folds import Folds, Visible
from dgmtui.session.health import HealthIndex
from dgmtui.session.landmarks import Landmarks
from dgmtui.session.outline import Outline
from dgmtui.session.sparks import Sparks
from dgmtui.session.unit_values import UnitValues, read_units, units_channel
from dgmtui.session.view import TreePlace, TreeRow

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.reader import Recording

AROUND = 200
"""So many rows before and after the selected one are made; more than a screen has, and than a person scrolls."""
LOOKED_AT = 64
"""Within so many, they have spark lines and their units' values."""
SHOWN_ZEROS = 0.05
ABSMAX, ZEROS, NAN = STATISTICS.index("absmax"), STATISTICS.index("zeros"), STATISTICS.index("nan")
_FEATURES = re.compile(r"in_(?:features|channels)=(\d+), out_(?:features|channels)=(\d+)")
_TWO_NUMBERS = re.compile(r"(\d+), (\d+)(?:,|$)")


@dataclass(frozen=True)
class Standpoint:
    """What the tree is drawn for."""

    iteration: int
    module: str
    unit: int | None
    findings: "tuple[Finding, ...]" = ()


class NetworkTree:
    """Makes the rows that a screen can show; keeps what costs a pass over the modules or a read of the recording."""

    def __init__(self, recording: "Recording", landmarks: Landmarks, folds: Folds) -> None:
        self._recording = recording
        self._landmarks = landmarks
        self.folds = folds
        self._sparks = Sparks(recording)
        self._outline = Outline(())
        self._channel: dict[str, int] = {}
        self._channels = 0
        self._health: tuple[object, object, object, HealthIndex] | None = None

    @property
    def outline(self) -> Outline:
        """The modules as of now; laid out anew where some were met since."""
        if (
            len(self._recording.modules) != len(self._outline.modules)
            or len(self._recording.channels) != self._channels
        ):
            channels = self._recording.channels
            self._outline, self._channels = Outline(self._recording.modules), len(channels)
            self._channel = {c.module: i for i, c in enumerate(channels) if c.quantity == Quantity.ACTIVATION}
        return self._outline

    def health(self, findings: "tuple[Finding, ...]") -> HealthIndex:
        """How ill each module is, by what is recorded and found, but for what is excluded."""
        extent = (len(self._recording.rows), self._recording.generation, self._landmarks.left_out)
        known = self._health
        if known is None or known[0] is not findings or known[1] is not self.outline or known[2] != extent:
            first = self._landmarks.first_by_channel()
            known = (findings, self.outline, extent, HealthIndex(self._recording, self.outline, first, findings))
            self._health = known
        return known[3]

    def begin(self, at: Standpoint) -> None:
        """Choose what is open at first, unless that was done."""
        if not self.folds.begun and len(self.outline):
            self.folds.begin(self.outline, self.health(at.findings).ill(at.iteration))

    def shown(self, at: Standpoint) -> tuple[tuple[TreeRow, ...], TreePlace]:
        """The rows around what is selected, and how many there are besides."""
        self.begin(at)
        selected = self.outline.place.get(at.module)
        if selected is not None:
            self.folds.reveal(self.outline, selected)
        visible = Visible(self.outline, self.folds, self.unit_count, self._kept(at, selected))
        here = None if selected is None else visible.row_of(selected, at.unit)
        first, last = _around(here, AROUND, len(visible))
        near = _around(here, LOOKED_AT, len(visible))
        rows = _Rows(
            self._recording,
            self._landmarks,
            self._sparks,
            self._channel,
            self.outline,
            self.folds,
            at,
            self.health(at.findings),
        )
        made = rows.made([visible.at(row) for row in range(first, last)], near[0] - first, near[1] - first)
        note = "unhealthy only" if self.folds.ill_only else ""
        return made, TreePlace(first, len(visible) - last, None if here is None else here - first, note)

    def unit_count(self, place: int) -> int:
        """How many units are shown of a module that shows them."""
        channel = units_channel(self._recording, self.outline.modules[place].path)
        return 0 if channel is None else self._recording.channels[channel].units

    def _kept(self, at: Standpoint, selected: int | None) -> Collection[int] | None:
        """The places that are shown while only what is ill is; what is selected always is."""
        if not self.folds.ill_only:
            return None
        kept: set[int] = set()
        for place in (*self.health(at.findings).ill(at.iteration), *([] if selected is None else [selected])):
            kept.update((place, *self.outline.ancestors(place)))
        return kept


class _Rows:
    """Makes rows as things stood at one iteration."""

    def __init__(
        self,
        recording: "Recording",
        landmarks: Landmarks,
        sparks: Sparks,
        channel: dict[str, int],
        outline: Outline,
        folds: Folds,
        at: Standpoint,
        health: HealthIndex,
    ) -> None:
        self._recording = recording
        self._landmarks = landmarks
        self._sparks = sparks
        self._channel = channel
        self._outline = outline
        self._folds = folds
        self._health = health
        self._iteration = at.iteration
        self._row = int(np.searchsorted(recording.rows, at.iteration, side="right")) - 1
        self._now: NDArray[np.float64] | None = None

    def made(self, places: list[tuple[int, int | None]], first: int, last: int) -> tuple[TreeRow, ...]:
        """Rows of modules and units; those of ``first:last`` with what has to be read."""
        looked_at = places[first:last]
        if self._row >= 0:
            self._now = self._recording.statistics_row(self._row)
            paths = (self._outline.modules[place].path for place, unit in looked_at if unit is None)
            self._sparks.prepare([self._channel[path] for path in paths if path in self._channel])
        units = self._units(looked_at)
        rows = []
        for i, (place, unit) in enumerate(places):
            if unit is None:
                rows.append(self._of_module(place, first <= i < last))
            else:
                rows.append(self._of_unit(place, unit, units.get(place) if first <= i < last else None))
        return tuple(rows)

    def _of_module(self, place: int, read: bool) -> TreeRow:
        module = self._outline.modules[place]
        name = module.path.rpartition(".")[2] if module.parent is not None else module.path
        channel = self._channel.get(module.path)
        spark: tuple[float, ...] = ()
        told = self._health.words(place, self._iteration)
        if channel is not None and self._now is not None and channel < len(self._now):
            now = self._now[channel]
            if read:
                at_cursor = np.inf if now[NAN:].sum() > 0 else float(now[ABSMAX])
                spark = self._sparks.upto(channel, self._iteration, at_cursor)
            told = _counts(now) or told or (f"{now[ZEROS]:.0%} zero" if now[ZEROS] >= SHOWN_ZEROS else "")
        return TreeRow(
            path=module.path,
            label=f"{name} {module.type}".strip(),
            depth=self._outline.depth[place],
            has_children=self._outline.is_parent(place),
            health=self._health.at(place, self._iteration),
            spark=spark,
            detail=told,
            sizes=sizes_of(module),
            state=self._folds.state_of(module.path),
        )

    def _of_unit(self, place: int, unit: int, read: UnitValues | None) -> TreeRow:
        path, depth = self._outline.modules[place].path, self._outline.depth[place] + 1
        values = np.empty(0, np.float32) if read is None else read.of(unit)
        if not len(values):
            return TreeRow(path, f"[{unit}]", depth, False, "unknown", (), unit=unit)
        left_out = self._landmarks.leaves_out(path, int(self._recording.rows[self._row]))
        health = "ok" if np.isfinite(values[-1]) or left_out else "error"
        spark = tuple(np.abs(values).astype(float).tolist())
        return TreeRow(path, f"[{unit}]", depth, False, health, spark, f"{values[-1]:.3g}", unit=unit)

    def _units(self, places: list[tuple[int, int | None]]) -> dict[int, UnitValues]:
        """The values of the units among these rows, by their module's place."""
        found: dict[int, UnitValues] = {}
        for place in dict.fromkeys(place for place, unit in places if unit is not None):
            units = [unit for each, unit in places if each == place and unit is not None]
            channel = units_channel(self._recording, self._outline.modules[place].path)
            if channel is not None and self._row >= 0:
                found[place] = read_units(self._recording, channel, self._row, min(units), max(units) + 1)
        return found


def _around(row: int | None, count: int, length: int) -> tuple[int, int]:
    """So many rows before and after one of ``length``; without one, the first."""
    here = row or 0
    return max(0, here - count), min(length, here + count + 1)


def sizes_of(module: ModuleInfo) -> str:
    """``784→256`` where it says what goes in and comes out, else ``→64``, the shape of one sample's output."""
    found = _FEATURES.search(module.detail) or _TWO_NUMBERS.match(module.detail)
    if found is not None:
        return f"{found[1]}→{found[2]}"
    shape = (module.output_shape or ())[1:]
    return "→" + "×".join(map(str, shape)) if shape else ""


def _counts(now: NDArray[np.float64]) -> str:
    """``3 NaN, 1 Inf``: what of an activation is not finite."""
    names = zip(now[NAN:], ("NaN", "Inf", "−Inf"), strict=True)
    return ", ".join(f"{int(count):,} {name}" for count, name in names if count)
