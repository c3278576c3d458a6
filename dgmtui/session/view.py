"""What the screen draws, as one frozen value: made from a session off the screen's loop and asked nothing back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.network.model import Network


@dataclass(frozen=True)
class TreeRow:
    """One module in the network tree, or one of its units."""

    path: str
    label: str
    """Last part of the path and the type: ``xv Linear``."""
    depth: int
    has_children: bool
    health: str
    """``ok``, ``warning``, ``error`` or ``unknown`` at or before the cursor."""
    spark: tuple[float, ...]
    """Up to 64 values of its activation's absolute maximum, evenly over the run up to the cursor; may be non-finite."""
    detail: str = ""
    """What it is at the cursor, in a few characters: ``1 Inf``, ``dead units``, ``12% zero``; a unit's value."""
    sizes: str = ""
    """What goes in and comes out: ``784→256``."""
    state: str = ""
    """``closed`` where what it contains is hidden, ``units`` where its units are shown below it."""
    unit: int | None = None
    """Of the row of one of its units."""


@dataclass(frozen=True)
class TreePlace:
    """Where ``View.tree`` lies in the whole of the tree."""

    before: int = 0
    """How many rows there are above."""
    after: int = 0
    selected: int | None = None
    """Which of the rows is selected; None: the one of the module."""
    note: str = ""
    """What is left out: ``unhealthy only``."""


@dataclass(frozen=True)
class LossView:
    """The loss with what is marked on it."""

    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned by minima and maxima to at most 4,000 points, so that no spike is lost."""
    snapshots: tuple[int, ...]
    findings: tuple[tuple[int, str], ...]
    """Iteration and severity."""
    others: "tuple[OtherLoss, ...]" = ()
    """Of the recordings that stand beside this one."""
    scale: str = "auto"
    """``auto`` is logarithmic where a few losses would flatten all others, else linear."""
    here: float | None = None
    """The loss at the cursor."""
    scalars: "tuple[Scalar, ...]" = ()
    """Drawn beside it, each over its own range."""
    window: tuple[int, int] | None = None
    """Iterations from, up to and without, that the dynamics chart shows; None: all."""


@dataclass(frozen=True)
class OtherLoss:
    """The loss of a recording that stands beside the one that is looked at."""

    letter: str
    """``B``, as ``compare`` calls it."""
    name: str
    """``vae-softplus.h5``."""
    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned likewise."""


@dataclass(frozen=True)
class Scalar:
    """A number that was logged, over the iterations; between two logs it stays as it was."""

    name: str
    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned as the loss is; NaN before it was first logged."""
    here: float | None = None
    """At the cursor."""


@dataclass(frozen=True)
class DynamicsLine:
    """One sampled series."""

    unit: int
    """Its place among the series: the unit, or the number of the element that is followed."""
    kind: str
    """``cover``, ``outlier``, ``event``, ``nonfinite``, or ``selected`` for the unit that is looked at."""
    values: NDArray[np.float32]
    first_nonfinite: int | None
    """Iteration of its first non-finite value."""
    label: str = ""
    """What it is called on the chart and in a table: ``[212]``, an element of a weight ``[17,203]``; where the
    population is of several modules or ranks, ``dec.xv[212]`` or ``rank 1 [212]``."""
    module: str = ""
    rank: int = 0
    clipped: bool = False
    """It leaves the chart's range."""


@dataclass(frozen=True)
class Backdrop:
    """What all finite series of the population do, beneath the picked ones."""

    edges: NDArray[np.int64]
    """``[C + 1]`` iterations: column j reaches from ``edges[j]`` up to and without ``edges[j + 1]``."""
    density: NDArray[np.uint32] | None
    """``[C, 200]``: how many series pass each of 200 heights of the chart's range in each column; [:, 0] lowest."""
    bands: NDArray[np.float32] | None
    """``[5, C]`` values: the 5th, 25th, 50th, 75th and 95th percentile of the middle of each series' column."""


@dataclass(frozen=True)
class DynamicsView:
    """The dynamics chart of what is selected."""

    module: str
    quantity: str
    measure: str
    iterations: NDArray[np.int64]
    """``[R]``, ascending; where several modules or ranks were not seen by the same rows, a line is NaN there."""
    lines: tuple[DynamicsLine, ...]
    total: int
    nonfinite: int
    clipped: int
    """How many of all series leave the chart's range."""
    scale: str
    limits: tuple[float, float] | None = None
    """The values at the chart's bottom and top; None: what the lines need."""
    bend: float = 1.0
    """Of symlog: the value where it turns from linear to logarithmic."""
    backdrop: Backdrop | None = None
    preliminary: bool = False
    """Picks of another window (or none) are shown until those of this one are known."""
    advice: str = ""
    """What would show more, and what to type: ``1 of 100 takes half the range; `dynamics --scale symlog` ``."""


@dataclass(frozen=True)
class PickedLine:
    """The line of the dynamics chart that is pointed at."""

    line: int
    """Its place in ``DynamicsView.lines``."""
    name: str
    """``dec.xv[212]``."""
    value: float
    """At ``iteration``; may be non-finite."""
    iteration: int
    """The drawn one at or before the cursor."""
    kind: str


@dataclass(frozen=True)
class Reading:
    """What one marked line of the dynamics chart is at the cursor."""

    label: str
    """As on the chart: ``[212]``."""
    kind: str
    value: float
    """May be non-finite."""
    iteration: int
    """The recorded one at or before the cursor."""


@dataclass(frozen=True)
class CreditRow:
    """One contributor to the target."""

    module: str
    """Path; the outside tensor's name (``input:x``) where it came from outside."""
    unit: int | None
    sample: int | None
    value: float
    forward: float | None
    backward: float | None
    approximate: bool
    share: float | None = None
    """``forward`` as a part of the target's value; None where that is zero or not finite."""
    region: str | None = None
    """``[8:16,0:8]``, where rows are grouped by region."""
    difference: float | None = None
    """How much more it is (downstream: its backward part) than at the snapshot that is compared with."""
    rank: int | None = None
    """1 moved most."""


@dataclass(frozen=True)
class CreditView:
    """Contributions to the target, each told once (see ``folding``): those upstream of it, by what they put into it,
    then those downstream, by what they make of its gradient."""

    target: str
    """In words: ``dec.xv[212] of sample 5 = 89.41, then exp = inf``."""
    rows: tuple[CreditRow, ...]
    note: str
    """Conservation: where the target's relevance arrived."""
    advice: str = ""
    """Why there is no backward part, and what to type to see one."""
    at: int | None = None
    """The snapshot's iteration, where that is not the cursor's."""
    against: int | None = None
    """Iteration of the snapshot that is compared with."""
    grouped: bool = True
    """Rows downstream of the target come after those upstream; else they are sorted together."""
    sort: str = "forward"
    """``forward``, ``backward``, ``value``, ``difference`` or ``module``."""
    only: str = ""
    """The regular expression that rows match; empty: all."""
    left_out: int = 0
    """How many rows do not match it."""
    picked: int | None = None
    """Which of ``rows`` is picked."""
    trail: tuple[str, ...] = ()
    """Targets from which this one was gone into, the last one first."""


@dataclass(frozen=True)
class OperationRow:
    """One node of the trace as replayed."""

    node: int
    op: str
    module: str
    shape: tuple[int, ...]
    low: float | None
    high: float | None
    """Least and greatest finite value; None where it was not replayed."""
    nonfinite: int
    source: str
    born: bool
    """The first non-finite value was born here."""
    dtype: str = ""
    takes: tuple[str, ...] = ()
    """``enc.0.bias`` and ``argument0`` from outside, ``#3`` what node 3 gives."""
    replayed: bool = False
    """``low``, ``high`` and ``nonfinite`` are known."""
    random: bool = False
    """It draws from a random generator."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Numbers in a rectangle: a feature map, an input, the relevance of its pixels."""

    label: str
    """``[3]``, ``sample 5``."""
    values: NDArray[np.float32]
    """``[H, W]``, or ``[H, W, 3]`` red, green and blue; may be non-finite."""
    low: float
    high: float
    """The values that are drawn darkest and lightest; of a signed one −m and m. Finite."""
    signed: bool = False
    """Zero is neutral, and what is below it is told apart from what is above."""


@dataclass(frozen=True, eq=False)
class UnitsTab:
    """What one of the tabs about units shows: the answer of the command that was given last for it."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    """Cells as of a table: str, int, float or None."""
    clusters: tuple[int, ...] = ()
    """Of each row, the number of the cluster whose colour it has; empty where rows are of none."""
    row_lines: tuple[str, ...] = ()
    """Of each row, the command line that looks at it; empty where rows are of nothing that can be looked at."""
    pictures: tuple[Picture, ...] = ()
    picture_lines: tuple[str, ...] = ()
    """Of each picture likewise: ``unit 3 --of conv1``, ``sample 5``."""
    back: str = ""
    """The command line that goes back to what this was opened from; empty: from nothing."""
    shared: bool = False
    """All pictures have one scale."""
    note: str = ""
    """What was left out, how it was measured."""
    at: int | None = None
    """The snapshot's iteration."""


@dataclass(frozen=True)
class FindingRow:
    """One line of the findings list."""

    iteration: int
    severity: str
    kind: str
    message: str
    module: str | None
    new: bool = False
    """Of a run that is watched: it came since the last command."""
    consequences: int = 0
    """How many sentences there are of what followed from it."""
    advice: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    """Commands that show it, and what they show."""


@dataclass(frozen=True)
class DisplayRow:
    """What ``display`` shows at the cursor."""

    number: int
    text: str
    """The expression as typed."""
    value: float | bool | None
    """None where it was not recorded by then."""
    iteration: int | None
    """At which it was measured: the cursor's, or the last before it."""


@dataclass(frozen=True)
class View:
    """All that one screen shows. Parts that need torch are None until a command or the worker has made them."""

    title: str
    """``vae.h5``."""
    iterations: int
    snapshot_count: int
    cursor: int
    phase: str | None
    verdict: str
    """``replay matches``, ``replay agrees``, ``replay differs`` or ``not replayed``; where the file ``was cut short``
    or ``was written to`` under the tool, that, and that it may be wrong."""
    module: str
    unit: int | None
    sample: int | None
    quantity: str
    tree: tuple[TreeRow, ...]
    loss: LossView
    dynamics: DynamicsView | None
    credit: CreditView | None
    operations: tuple[OperationRow, ...]
    findings: tuple[FindingRow, ...]
    findings_complete: bool
    """False while only what needs no replay has been looked at."""
    live: str = ""
    """Where a run is watched: ``following`` or ``pinned``, whether the cursor goes with it, and ``ended`` after it;
    ``waits`` where the training holds still until the screen is left."""
    pace: str = ""
    """Of a run that is watched: ``12.3 it/s``, or what is the matter with it."""
    picked: PickedLine | None = None
    """The line of ``dynamics`` that is pointed at, if it is drawn."""
    readings: tuple[Reading, ...] = ()
    """Of the marked lines of ``dynamics``, the gravest kind first."""
    maps: UnitsTab | None = None
    samples: UnitsTab | None = None
    clusters: UnitsTab | None = None
    displays: tuple[DisplayRow, ...] = ()
    finding: int | None = None
    """Which of ``findings`` was chosen, from 1."""
    looked_for: str = ""
    """Where there is no finding: what was looked for."""
    node: int | None = None
    """Of ``operations``, the one that is looked at."""
    networks: tuple[Network, ...] = ()
    """The network as a graph, one a turn; none until ``graph`` was given."""
    tree_place: TreePlace = TreePlace()
    """Of ``tree``, which holds the rows around the selected one."""
