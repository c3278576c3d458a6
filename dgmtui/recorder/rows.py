"""From measurements to the writer: which channels there are, rows in their order, modules that came late."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dgmtui.recorder.measure import Key, Row
from dgmtui.recorder.naming import Names
from dgmtui.recording.model import MEASURES, Channel, Measure, Quantity
from dgmtui.recording.writer import UNSEEN, RecordingWriter


class Rows:
    """Writes rows; the first one decides the channels, what comes later is late."""

    def __init__(self, writer: RecordingWriter, names: Names) -> None:
        self._writer = writer
        self._names = names
        self._ids: dict[Key, int] = {}
        self._units: dict[Key, int] = {}
        self._early = 0
        self._written: set[str] = set()
        """Paths of the modules that the recording knows."""
        self.shapes: dict[str, tuple[tuple[int, ...], int | None]] = {}
        """Path → output shape and unit axis of the modules called so far."""

    @property
    def begun(self) -> bool:
        """Whether the recording has its channels."""
        return self._writer.begun

    def begin(self, row: Row, scalars: tuple[str, ...] = ()) -> None:
        """Make the recording's datasets for what ``row`` measured."""
        channels = self._channels(row, row.parts)
        infos = list(self._names.infos(self.shapes))
        self._written = {info.path for info in infos}
        self._writer.begin(infos, channels, scalars)
        self._early = len(channels)

    def write(self, iteration: int, row: Row) -> None:
        """Append one iteration's row."""
        new = [key for key in row.parts if key not in self._ids]
        if new:
            late_paths = {key[0] for key in new} - self._written
            modules = [info for info in self._names.infos(self.shapes) if info.path in late_paths]
            self._written |= late_paths
            self._writer.add_late_channels(modules, self._channels(row, new))
        statistics = np.tile(UNSEEN, (self._early, 1))
        series: dict[tuple[int, Measure], NDArray[np.float32]] = {}
        late = []
        for key, values, units in row.merged():
            number = self._ids[key]
            fitting = self._fitting(key, units)
            if number < self._early:
                statistics[number] = values
                series |= {(number, measure): one for measure, one in fitting.items()}
            else:
                late.append((number, values, fitting))
        self._writer.add_row(iteration, statistics, series)
        for number, values, fitting in late:
            self._writer.add_late_row(iteration, number, values, fitting)

    def _channels(self, row: Row, keys: object) -> list[Channel]:
        order = {info.path: place for place, info in enumerate(self._names.infos(self.shapes))}
        quantities = list(Quantity)
        wanted = sorted(keys, key=lambda key: (order.get(key[0], len(order)), quantities.index(key[1])))  # type: ignore[call-overload]
        channels = []
        for key in wanted:
            units = len(next(iter(row.parts[key][0].units.values()), ()))
            self._ids[key], self._units[key] = len(self._ids), units
            channels.append(Channel(key[0], key[1], units))
        return channels

    def _fitting(self, key: Key, units: Mapping[Measure, NDArray[np.float32]]) -> dict[Measure, NDArray[np.float32]]:
        """Series of as many units as the channel has; an output that changed its width has none."""
        count = self._units[key]
        return {m: units[m] for m in MEASURES[key[1]] if count and m in units and len(units[m]) == count}
