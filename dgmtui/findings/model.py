"""A finding: one pathology, with when, where, why and what to try."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from dgmtui.trace.graph import Source


class Severity(StrEnum):
    """How bad; also what ``--fail-on`` compares with."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Evidence:
    """A series that shows a finding, by what a person would type to see it."""

    command: str
    """A command line that shows it: ``module dec.xv``, ``dynamics --window 1200 1318``."""
    text: str
    """What it shows, in a few words with numbers."""


class Line(TypedDict):
    """Of a finding, where in the user's code it is."""

    source: str | None
    source_text: str | None


def line_of(source: "Source | None") -> Line:
    """``Finding(…, **line_of(node.source))``."""
    return (
        {"source": None, "source_text": None} if source is None else {"source": str(source), "source_text": source.text}
    )


@dataclass(frozen=True)
class Finding:
    """One pathology. A field that does not apply is None. Samples are rows of the batch."""

    kind: str
    """``nonfinite``, ``overflow_ahead``, ``dead_units``, ``loss_stuck``, …"""
    severity: Severity
    iteration: int
    message: str
    """One sentence of cause, with the numbers."""
    advice: str
    """One sentence of what to try."""
    onset: int | None = None
    """The iteration at which the trouble began, where that is earlier."""
    rank: int = 0
    phase: str | None = None
    """``input``, ``forward``, ``backward``, ``update`` or ``edit``."""
    turn: str | None = None
    module: str | None = None
    op: str | None = None
    """The ATen operation, also for a backward birth: ``aten.sqrt``."""
    autograd: str | None = None
    """Of a backward birth, the backward function: ``SqrtBackward0``."""
    source: str | None = None
    """``file:line`` of the user's code."""
    source_text: str | None = None
    """That line."""
    sample: int | None = None
    """The first affected row of the batch; None where every row matters."""
    samples: tuple[int, ...] = ()
    dataset_index: int | None = None
    unit: int | None = None
    value: float | None = None
    """The number that tells most: what overflowed, the share that is dead, the loss that stuck."""
    consequences: tuple[str, ...] = ()
    """What followed from it, a sentence each; not findings of their own."""
    evidence: tuple[Evidence, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    """What a kind adds: ``fed_by`` (the layer that feeds a dead ReLU), ``units`` (how many), …"""
