"""What a command answers: data for programs and blocks for people, the same wherever the command ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.network.model import Network
from dgmtui.session.view import Backdrop, Picture


@dataclass(frozen=True)
class Text:
    """A paragraph or a line; plain text."""

    text: str
    style: str = ""
    """``""``, ``error``, ``warning``, ``dim`` or ``strong``."""


@dataclass(frozen=True)
class Table:
    """Rows under headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """Cells are str, int, float, bool or None; numbers are formatted when drawn."""
    title: str = ""
    note: str = ""
    """A line below: what was left out, what is approximate."""
    clusters: tuple[int, ...] = ()
    """Of each row, the number of the cluster whose colour it has; empty where rows are of none."""
    below: bool = False
    """Where the line is too narrow for it, the last cell of each row stands below the others and is not cut."""


@dataclass(frozen=True)
class Line:
    """One polyline of a chart."""

    label: str
    values: NDArray[np.float32]
    """``[R]``, over ``Chart.iterations``; non-finite where it was."""
    kind: str = "cover"
    """``cover``, ``outlier``, ``event``, ``nonfinite``, ``selected`` or ``picked``."""
    first_nonfinite: int | None = None
    """Iteration of its first non-finite value, where that is known."""


@dataclass(frozen=True)
class Chart:
    """Polylines over iterations."""

    iterations: NDArray[np.int64]
    """``[R]``."""
    lines: tuple[Line, ...]
    title: str = ""
    scale: str = "linear"
    """``linear``, ``log`` or ``symlog``."""
    total: int = 0
    """How many series there were to choose from."""
    nonfinite: int = 0
    """How many of them hold a non-finite value."""
    clipped: int = 0
    """How many leave the range."""
    cursor: int | None = None
    """The iteration to mark."""
    limits: tuple[float, float] | None = None
    """The values at the bottom and the top; None: what the lines need."""
    bend: float = 1.0
    """Of symlog: the value where it turns from linear to logarithmic."""
    backdrop: Backdrop | None = None
    """What all series do, beneath the lines."""
    preliminary: bool = False
    """Better picks are being looked for."""
    advice: str = ""
    """What would show more, and what to type."""


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    shared: bool = False
    """All have one scale."""


@dataclass(frozen=True)
class Graph:
    """The network as a graph."""

    network: Network
    module: str = ""
    """The module to mark."""


Block: TypeAlias = Text | Table | Chart | Pictures | Graph


@dataclass(frozen=True)
class Result:
    """The answer of one command."""

    command: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """What ``--json`` prints after ``"command"``; JSON-able but for non-finite floats and NumPy scalars, which the
    printer turns into ``"nan"``, ``"inf"``, ``"-inf"`` and plain numbers."""
    blocks: tuple[Block, ...] = ()
    """What a person sees."""
    said: Text | None = None
    """The answer in one line, where its blocks are more: what a screen shows at the prompt while they are elsewhere."""
    below: tuple[Text, ...] = ()
    """Lines that are printed below; a screen shows them in a place of their own."""
    kept: str = ""
    """The line that ``save`` keeps of it, where the typed one may do something else in another session."""
    edit: Path | None = None
    """A file that the person wants to edit; a screen opens an editor."""
    quit: bool = False
    """The session is over."""
