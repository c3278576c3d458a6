"""What credit assignment answers: frozen, and plain data but for the references into the graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dgmtui.credit.typed import run_together
from dgmtui.trace.graph import Ref, Source


@dataclass(frozen=True)
class Target:
    """What credit is asked for: units of one tensor, at all positions or some, in samples or the batch; or a
    parameter's gradient."""

    ref: Ref
    module: str
    """Path of the module whose output it is; ``node:ID`` or an outside tensor's name where it is none's; ``loss`` or
    ``loss:TERM``; of a parameter's gradient, the module that holds it."""
    unit: int | None
    """None: all of them, or ``units``."""
    sample: int | None
    """Row of the batch; None: all of them, or ``samples``."""
    value: float
    """Of the element; summed where the target has several. Of a parameter's gradient, ∂L/∂ it."""
    text: str
    """What it is, in words and numbers."""
    element: tuple[int, ...] | None = None
    """Index into the tensor where the target is a single element of it."""
    alone: bool = False
    """Non-finite, and no unit's number is behind it: it came in so, a mask or a shape made it so. ``text`` says which,
    and nothing has a part in it."""
    units: tuple[int, ...] = ()
    """Those that are meant, ascending, where they are several and not all."""
    samples: tuple[int, ...] = ()
    """Likewise, rows of the batch."""
    position: tuple[range, ...] = ()
    """For each axis that is neither the units' nor the samples', what of it is meant; empty: all."""
    base: str = ""
    """What it is called before its brackets: ``conv1``, ``cell:0``, ``node:12``, ``loss:1``, ``grad:fc1.weight``."""
    place: str = ""
    """``position`` as typed: ``4,7`` or ``8:16,0:8``; empty: everywhere."""
    of: Literal["value", "gradient"] = "value"
    """Whether it is the tensor's numbers that are explained, or ∂L/∂ them (parameters only)."""

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the batch that are meant; empty: all."""
        return self.samples or (() if self.sample is None else (self.sample,))

    @property
    def name(self) -> str:
        """As one types it."""
        return self.name_of(self.rows)

    def name_of(self, rows: tuple[int, ...]) -> str:
        """As one types the same of other rows of the batch (empty: all)."""
        units = run_together(self.units) if self.units else "" if self.unit is None else str(self.unit)
        if self.of == "gradient":
            index = ",".join(part for part in (units or (":" if self.place else ""), self.place) if part)
            return self.base + (f"[{index}]" if index else "")
        at = f"@{run_together(rows)}" if rows else ""
        return self.base + (f"[{units}]" if units else "") + at + (f"[{self.place}]" if self.place else "")


class Contribution(NamedTuple):
    """What one unit put into the target (forward) and made of its gradient (backward).

    A tuple, since a table has thousands and a frozen dataclass takes three times as long to make.
    """

    module: str
    unit: int | None
    """None where rows are grouped by module, or the tensor has no units."""
    sample: int | None
    """Row of the batch; None where it is summed over."""
    value: float
    """Of the unit itself: the mean over the positions (and samples) that are looked at."""
    forward: float | None
    """Relevance at the module's output, summed over positions; None for what the target does not depend on."""
    backward: float | None
    """Its part of ∂L/∂target; None for what does not depend on the target, or where gradients are non-finite."""
    approximate: bool
    """Its relevance went through an operation that has no rule of its own (see ``approximate_ops``)."""
    region: str | None = None
    """Where in the tensor, ``[8:16,0:8]``, where rows are grouped by region: rows and columns of a picture."""

    @property
    def key(self) -> tuple[str, int | None, int | None, str | None]:
        """What it is of: no two rows of a table have the same."""
        return self.module, self.unit, self.sample, self.region


@dataclass(frozen=True)
class Contributions:
    """One table of contributions."""

    target: Target
    rows: tuple[Contribution, ...]
    """Largest first. A module that is called several times has the sum over its calls."""
    conserved: Mapping[str, float]
    """Where the target's value went: ``inputs``, ``bias`` (parameters, buffers and constants that are added),
    ``random``, ``approximate`` (kept by operations without a rule) and ``lost`` (to ε and rounding); they add up to
    ``Target.value``. Of the gradient, where finite: ``gradient`` is ∂L/∂target summed over its positions,
    ``arrived`` the same by the forward-mode pass to the loss."""
    approximate_ops: tuple[str, ...] = ()
    inputs: tuple[Contribution, ...] = ()
    """The same for what came from outside; ``module`` is the outside tensor's name, ``unit`` its feature."""
    note: str = ""
    """One sentence about what could not be said; empty where nothing is missing."""

    @classmethod
    def of_nothing(cls, target: Target) -> "Contributions":
        """The table of a target that stands alone."""
        return cls(target, (), {})


@dataclass(frozen=True)
class Link:
    """One step of a chain, from the target towards the input."""

    module: str
    unit: int | None
    sample: int | None
    value: float
    """The element of the unit that most of the relevance went to."""
    share: float | None
    """Of what the link before it handed on, in [0, 1] where nothing cancels; None for the first link, and after one
    that is zero."""
    op: str
    """The operation that made it; empty for what came from outside."""
    source: Source | None
    element: tuple[int, ...] | None = None
    """Index of that element."""
    target: str = ""
    """How it is named as a target of credit: ``enc.0[17]@5``, ``node:12[3]@5``; empty where it can't be one."""
    command: str = ""
    """The line that shows more of it."""


@dataclass(frozen=True)
class AccountLine:
    """One line of a chain as people read it."""

    what: str
    """``enc.0[17]@5``, ``rows 3–6, columns 8–11``, ``param:enc.0.bias[17]``, ``∂L/∂node:12[0]``."""
    value: float | None
    share: float | None
    """Of what the link before it handed on; of a region, of what arrived in that sample."""
    op: str
    source: Source | None
    note: str
    """What the numbers can't say; empty where they say it all."""
    command: str
    """The line that shows more of it; empty where none does."""
    target: str = ""
    """As of ``Link``: empty where it is no unit's value."""


@dataclass(frozen=True)
class Chain:
    """The way from a target back to the input, largest contributor by largest contributor."""

    links: tuple[Link, ...]
    sentence: str
    """All of it in words."""
    target: Target
    """What the links start from."""
    conserved: Mapping[str, float] = field(default_factory=dict)
    """Relevance along the way that did not go to a unit: ``bias``, ``random``, ``approximate``, ``lost``."""
    account: tuple[AccountLine, ...] = ()
    """The way in a few lines: of a backward non-finite the gradient that came in, the operation and where it went;
    then the links; then the region of the input that holds most, and the parameters that kept most or stand out."""
