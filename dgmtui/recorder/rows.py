"""From measurements to the writer: which channels there are, rows in their order, modules that came late."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dgmtui.recorder.elements import Picked
from dgmtui.recorder.light import LightRow, whole
from dgmtui.recorder.measure import Key, Row
from dgmtui.recorder.naming import Names
from dgmtui.recorder.watching import Watch
from dgmtui.recording.model import Channel, Measure, Quantity
from dgmtui.recording.staged_rows import UNSEEN
from dgmtui.recording.tail import RowData
from dgmtui.recording.writer import RecordingWriter

if TYPE_CHECKING:
    from dgmtui.recorder.ring import Kept


class Measurement(NamedTuple):
    """One module's one quantity in one iteration, all calls together."""

    statistics: NDArray[np.float64]
    """``[9]``."""
    units: Mapping[Measure, NDArray[np.float32]]
    """``[U]`` each; empty where the calls had different numbers of units."""
    width: int
    """How many units the first call had."""
    picked: Picked | None = None
    """Single elements of a weight, its gradient or update."""

    def has(self, units: int) -> bool:
        """Whether there are series of as many units; of an output that changed its width there are none."""
        return bool(self.units) and len(next(iter(self.units.values()))) == units > 0

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that takes memory."""
        return self.statistics, *self.units.values(), *(() if self.picked is None else (self.picked.values,))


class Late(NamedTuple):
    """What goes into the row of a late channel."""

    channel: int
    statistics: NDArray[np.float64]
    series: Mapping[Measure, NDArray[np.float32]]


def measured(row: Row | LightRow) -> dict[Key, Measurement]:
    """The numbers of a row, which nothing changes any more."""
    row = whole(row)
    return {
        key: Measurement(statistics, units, width, row.picked.get(key))
        for key, statistics, units, width in row.merged()
    }


class Rows:
    """Writes rows; the first one decides the channels, what comes later is late."""

    def __init__(self, writer: RecordingWriter, names: Names, watch: Watch) -> None:
        self._writer = writer
        self._names = names
        self._watch = watch
        self._ids: dict[Key, int] = {}
        self._units: dict[Key, int] = {}
        self._shapes: dict[Key, tuple[int, ...]] = {}
        """Of the tensors whose elements are followed."""
        self._early = 0
        self._written: set[str] = set()
        """Paths of the modules that the recording knows."""
        self.shapes: dict[str, tuple[tuple[int, ...], int | None]] = {}
        """Path → output shape and unit axis of the modules called so far."""

    @property
    def begun(self) -> bool:
        """Whether the recording has its channels."""
        return self._writer.begun

    def begin(self, row: Row | LightRow, scalars: tuple[str, ...] = ()) -> None:
        """Make the recording's datasets for what ``row`` measured."""
        self._ids.clear()  # of an attempt that was interrupted
        self._shapes.clear()
        channels = self._channels(measured(row))
        infos = list(self._names.infos(self.shapes))
        self._written = {info.path for info in infos}
        self._early = len(channels)
        self._writer.begin(infos, channels, scalars)
        self._watch.begin(infos, channels)

    def write(self, iteration: int, row: Mapping[Key, Measurement]) -> None:
        """Append one iteration's row."""
        data, late = self._prepared(iteration, row)
        self._add_late(iteration, late)  # first: who follows the run reads it as soon as there is a row
        self._writer.add_row(iteration, data.statistics, data.series)
        self._watch.row(iteration, data.statistics)

    def write_passed_over(self, kept: "Sequence[Kept]") -> int:
        """Write rows of iterations between those that have one, and return from which on every iteration has."""
        prepared = []
        for one in kept:
            row = measured(one.row) if isinstance(one.row, LightRow) else one.row
            data, late = self._prepared(one.iteration, row)
            self._add_late(one.iteration, late)
            prepared.append(data)
        return self._writer.insert_rows(prepared)

    def _prepared(self, iteration: int, row: Mapping[Key, Measurement]) -> tuple[RowData, list[Late]]:
        """The row as the writer takes it, and what of it belongs to late channels, which are named if they are new."""
        self._name(row)
        statistics = np.tile(UNSEEN, (self._early, 1))
        series: dict[tuple[int, Measure], NDArray[np.float32]] = {}
        late = []
        for key, one in row.items():
            number, fitting = self._ids[key], self._fitting(key, one)
            if number < self._early:
                statistics[number] = one.statistics
                for measure, values in fitting.items():
                    series[number, measure] = values
            else:
                late.append(Late(number, one.statistics, fitting))
        return RowData(iteration, statistics, series), late

    def _fitting(self, key: Key, one: Measurement) -> dict[Measure, NDArray[np.float32]]:
        """Those of its series that are of the width that the recording has for them."""
        fitting = dict(one.units) if one.has(self._units[key]) else {}
        if one.picked is not None and one.picked.shape == self._shapes.get(key):
            fitting[Measure.ELEMENT] = one.picked.values
        return fitting

    def _name(self, row: Mapping[Key, Measurement]) -> None:
        new = {key: one for key, one in row.items() if key not in self._ids}
        if new:
            late_paths = {key[0] for key in new} - self._written
            modules = [info for info in self._names.infos(self.shapes) if info.path in late_paths]
            self._written |= late_paths
            self._writer.add_late_channels(modules, self._channels(new))

    def _add_late(self, iteration: int, late: Iterable[Late]) -> None:
        for one in late:
            self._writer.add_late_row(iteration, one.channel, one.statistics, one.series)

    def _channels(self, row: Mapping[Key, Measurement]) -> list[Channel]:
        order = {info.path: place for place, info in enumerate(self._names.infos(self.shapes))}
        quantities = list(Quantity)
        wanted = sorted(row, key=lambda key: (order.get(key[0], len(order)), quantities.index(key[1])))
        channels = []
        for key in wanted:
            one = row[key]
            self._ids[key], self._units[key] = len(self._ids), one.width
            if one.picked is None:
                channels.append(Channel(*key, one.width))
            else:
                self._shapes[key] = one.picked.shape
                channels.append(Channel(*key, one.width, len(one.picked.values), one.picked.shape))
        return channels
