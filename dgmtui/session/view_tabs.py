"""What the tabs and lists of the screen show: contributions, operations, units, findings, displays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
