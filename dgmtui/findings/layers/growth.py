"""Whose growth leads: the units and weights that left their own past, by when they did and how fast they grow."""

import math
from dataclasses import dataclass

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.causes.onset import last_finite, rows_of_past, rows_where_left
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.recording.model import Channel, Measure, Quantity
from dgmtui.recording.reader import Recording

LOOKED_AT = ((Quantity.WEIGHT, Measure.NORM), (Quantity.ACTIVATION, Measure.RMS))
"""What may grow, causes before what comes of them."""

MARGIN = 1.1
"""A series that only creeps above its past has not left it."""
COMPARABLE = 0.5
"""What grew less than this share of the most, in logarithms and among its quantity's, does not lead."""


@dataclass(frozen=True)
class Growing:
    """One unit's one quantity that grows."""

    module: str
    quantity: Quantity
    unit: int
    onset: int
    """The first iteration from which it stays a tenth above all that was before."""
    was: float
    """Its greatest value before."""
    now: float
    """Its last finite value."""
    last: int
    """The iteration of that."""

    @property
    def factor(self) -> float:
        """``now`` by ``was``."""
        return self.now / self.was

    @property
    def size(self) -> float:
        """Natural logarithm of ``factor``."""
        return math.log(self.factor)

    @property
    def slope(self) -> float:
        """Growth of its natural logarithm an iteration, since the onset."""
        return self.size / max(1, self.last - self.onset + 1)

    @property
    def doubling(self) -> float:
        """Iterations in which it doubles."""
        return math.log(2) / self.slope


@dataclass(frozen=True)
class Growth:
    """All that grows up to an iteration."""

    growing: tuple[Growing, ...]
    """The leader first: by onset; of those that left at the same row weights before activations, then the steepest.
    What grew far less than the most of its quantity comes last."""
    looked_at: int
    """How many series there were."""


def growth_of(recording: Recording, until: int, thresholds: Thresholds = DEFAULT) -> Growth:
    """What left its past up to and with an iteration and at least doubled by then.

    A series leaves its past at the first row from which it stays a tenth above all that was before, where that past
    spans a tenth of the iterations; weights are measured by a unit's norm, activations by its root mean square.
    """
    case = Case(recording, thresholds)
    parents = {module.parent for module in recording.modules}
    count = int(np.searchsorted(recording.rows, until, "right"))
    found: list[Growing] = []
    looked_at = 0
    for quantity, measure in LOOKED_AT:
        for number, channel in case.channels(quantity):
            info = case.module(channel.module)
            container = channel.module in parents and not (info is not None and info.parameters)
            if channel.width(measure) == 0 or container:
                continue
            looked_at += channel.units
            found += _of_channel(case, number, channel, measure, count)
    order = {quantity: i for i, (quantity, _) in enumerate(LOOKED_AT)}
    most = {quantity: max((g.size for g in found if g.quantity == quantity), default=0.0) for quantity in order}
    found.sort(key=lambda g: (g.size < COMPARABLE * most[g.quantity], g.onset, order[g.quantity], -g.slope))
    return Growth(tuple(found), looked_at)


def _of_channel(case: Case, number: int, channel: Channel, measure: Measure, count: int) -> list[Growing]:
    called = case.called(number)[:count]
    rows = case.recording.rows[:count][called]
    values = np.asarray(case.recording.series(number, measure)[:count], np.float64)[called]
    if len(rows) < 3:
        return []
    least = max(3, rows_of_past(rows, case.thresholds.onset_past))
    left = rows_where_left(values, case.thresholds.onset_growth, least, MARGIN)
    now = last_finite(values)
    found = []
    for unit in np.flatnonzero(left >= 0).tolist():
        row = int(left[unit])
        last = int(rows[np.flatnonzero(np.isfinite(values[:, unit]))[-1]])
        was = float(values[:row, unit].max())
        found.append(Growing(channel.module, channel.quantity, unit, int(rows[row]), was, float(now[unit]), last))
    return found
