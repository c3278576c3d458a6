"""What the screen draws, as one frozen value: made from a session off the screen's loop and asked nothing back."""

from dataclasses import dataclass

from dgmtui.session.network.model import Network
from dgmtui.session.view_charts import (
    Backdrop,
    DynamicsLine,
    DynamicsView,
    LossView,
    OtherLoss,
    PickedLine,
    Reading,
    Scalar,
)
from dgmtui.session.view_tabs import CreditRow, CreditView, DisplayRow, FindingRow, OperationRow, Picture, UnitsTab

__all__ = [
    "Backdrop",
    "CreditRow",
    "CreditView",
    "DisplayRow",
    "DynamicsLine",
    "DynamicsView",
    "FindingRow",
    "LossView",
    "OperationRow",
    "OtherLoss",
    "PickedLine",
    "Picture",
    "Reading",
    "Scalar",
    "TreePlace",
    "TreeRow",
    "UnitsTab",
    "View",
]


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
    tour: str = ""
    """What the tour, or the offer of one, says; empty: nothing."""
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
