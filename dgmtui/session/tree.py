"""The network tree: every module with its health at the cursor and a spark line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.model import Severity
from dgmtui.recording.model import STATISTICS, ModuleInfo, Quantity
from dgmtui.session.view import TreeRow

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.reader import Recording

SPARK = 64
BINS = 4096
"""A run's maxima are kept in at most so many bins a module, from which every spark line is cut."""
ABSMAX, ZEROS, NAN = STATISTICS.index("absmax"), STATISTICS.index("zeros"), STATISTICS.index("nan")
WORSE = {"unknown": 0, "ok": 1, "warning": 2, "error": 3}
SHOWN_ZEROS = 0.05


class TreeBuilder:
    """Builds the rows; keeps what costs a read of the recording."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._channel = {c.module: i for i, c in enumerate(recording.channels) if c.quantity == Quantity.ACTIVATION}
        self._bins: dict[int, NDArray[np.float64]] = {}
        self._seen_rows = 0
        self._first_bad: dict[str, int | None] = {}

    def rows(self, iteration: int, findings: "tuple[Finding, ...]") -> tuple[TreeRow, ...]:
        """Depth first, in the order of the modules, as things stood at ``iteration``."""
        if (count := len(self._recording.rows)) != self._seen_rows:
            self._bins, self._first_bad, self._seen_rows = {}, {}, count
        row = self._row_at(iteration)
        now = self._recording.statistics_row(row) if row is not None else None
        children: dict[str | None, list[ModuleInfo]] = {}
        for module in self._recording.modules:
            children.setdefault(module.parent, []).append(module)
        rows: list[TreeRow] = []

        def add(module: ModuleInfo, depth: int) -> str:
            place = len(rows)
            health = self._health(module.path, iteration, findings)
            rows.append(self._tree_row(module, depth, module.path in children, row, now))
            for child in children.get(module.path, ()):
                health = max(health, add(child, depth + 1), key=WORSE.__getitem__)
            rows[place] = _with_health(rows[place], health)
            return health

        for root in children.get(None, ()):
            add(root, 0)
        return tuple(rows)

    def _row_at(self, iteration: int) -> int | None:
        row = int(np.searchsorted(self._recording.rows, iteration, side="right")) - 1
        return row if row >= 0 else None

    def _tree_row(
        self, module: ModuleInfo, depth: int, parent: bool, row: int | None, now: NDArray[np.float64] | None
    ) -> TreeRow:
        name = module.path.rpartition(".")[2] if module.parent is not None else module.path
        channel = self._channel.get(module.path)
        spark: tuple[float, ...] = ()
        detail = module.detail
        if channel is not None and row is not None and now is not None:
            spark = self._spark(channel, row)
            if channel < len(now) and now[channel, ZEROS] >= SHOWN_ZEROS:
                detail = f"{now[channel, ZEROS]:.0%} zero"
        label = f"{name} {module.type}".strip()
        return TreeRow(module.path, label, depth, parent, "unknown", spark, detail)

    def _health(self, path: str, iteration: int, findings: "tuple[Finding, ...]") -> str:
        health = "ok" if path in self._channel else "unknown"
        if path not in self._first_bad:
            found = self._recording.first_nonfinite(path)
            self._first_bad[path] = None if found is None else found.iteration
        first = self._first_bad[path]
        if first is not None and first <= iteration:
            return "error"
        for finding in findings:
            for module, begun, severity in _places(finding):
                if module == path and begun <= iteration and severity != Severity.INFO:
                    health = max(health, severity, key=WORSE.__getitem__)
        return health

    def _spark(self, channel: int, row: int) -> tuple[float, ...]:
        bins = self._binned(channel)
        if (places := self._places(self._recording.rows)) is not None:
            upto = bins[: int(places[row]) + 1]
        else:
            upto = bins[: max(1, int(np.ceil((row + 1) * len(bins) / self._seen_rows)))]
        return tuple(float(value) for value in _bin_maxima(upto, SPARK))

    def _binned(self, channel: int) -> NDArray[np.float64]:
        if channel not in self._bins:
            statistics = self._recording.statistics(channel)
            bad = np.asarray(statistics[:, NAN:]).sum(axis=1) > 0
            maxima = np.where(bad, np.inf, statistics[:, ABSMAX])
            places = self._places(self._recording.rows)
            self._bins[channel] = _bin_maxima(maxima, BINS) if places is None else _spread_maxima(maxima, places)
        return self._bins[channel]

    @staticmethod
    def _places(rows: NDArray[np.int64]) -> "NDArray[np.int64] | None":
        """``[R]``, the bin of each row, even in iterations; None where the rows themselves are (but the last)."""
        apart = np.diff(rows[:-1])
        if len(apart) < 2 or apart.min() == apart.max():
            return None
        step = int(apart.min())
        span = int(rows[-1] - rows[0]) + step
        places: NDArray[np.int64] = (rows - rows[0]) * min(BINS, span // step) // span
        return places


def _with_health(row: TreeRow, health: str) -> TreeRow:
    return TreeRow(row.path, row.label, row.depth, row.has_children, health, row.spark, row.detail)


def _spread_maxima(values: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The maximum in each bin; one without a row has what the one before it has."""
    bins = np.full(int(places[-1]) + 1, np.nan)
    np.fmax.at(bins, places, values)
    filled = np.maximum.accumulate(np.where(np.isin(np.arange(len(bins)), places), np.arange(len(bins)), 0))
    return np.asarray(bins[filled], np.float64)


def _bin_maxima(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """``[min(bins, n)]``, the maximum of each of so many even parts; NaN only where all of a part is."""
    if len(values) <= bins:
        return values
    starts = np.arange(bins) * len(values) // bins
    return np.asarray(np.fmax.reduceat(values, starts), np.float64)


def _places(finding: "Finding") -> Iterator[tuple[str | None, int, str]]:
    """Module, beginning and severity of a finding, of other layers of which the same is told, and of what follows."""
    begun = finding.iteration if finding.onset is None else finding.onset
    yield finding.module, begun, str(finding.severity)
    for other in (*finding.data.get("alike", ()), *finding.data.get("followed_by", ())):
        since = other["onset"] if other["onset"] is not None else other.get("iteration", begun)
        for module in dict.fromkeys((other["module"], *other.get("modules", ()))):
            yield module, since, other["severity"]
