"""What a recording tells of each parameter and optimiser, read from its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from dgmtui.findings.case import Case
from dgmtui.recording.model import PARAMETERS, SETTINGS, Event


@dataclass(frozen=True)
class ParameterFact:
    """One parameter, as known at the end of the recording."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    optimizers: tuple[int, ...]
    """Numbers of those that have it."""
    gradient: str
    """The most that was seen after a backward pass: ``none``, ``zero`` or ``nonzero``."""
    step_gradient: str
    """The same where an optimiser that has it stepped."""
    moved: bool
    """It is no longer what it was before the first step."""

    @property
    def module(self) -> str:
        """Path of the module that holds it."""
        return self.path.rpartition(".")[0]

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Stranger:
    """A parameter that an optimiser holds and no recorded model has."""

    shape: tuple[int, ...]
    was: str
    """Its path when the optimiser was made; empty where that is not known."""
    gradient: str


@dataclass(frozen=True)
class OptimizerFact:
    """One optimiser."""

    type: str
    holds: int
    """How many parameters."""
    stepped: bool
    strangers: tuple[Stranger, ...]

    @property
    def name(self) -> str:
        """Its class without the module."""
        return self.type.rpartition(".")[2] or "optimiser"


@dataclass(frozen=True)
class Facts:
    """What was told last."""

    parameters: tuple[ParameterFact, ...]
    optimizers: tuple[OptimizerFact, ...]
    first: int
    """The iteration before which they were seen first."""
    last: int
    """The last iteration up to which it holds."""


def facts_of(case: Case) -> Facts | None:
    """The facts as they were at the end; None where the recording tells none."""
    told = [event for event in case.recording.events() if event.kind == PARAMETERS]
    if not told:
        return None
    try:
        data = told[-1].data
        return Facts(
            tuple(_parameter(one) for one in data["parameters"]),
            tuple(_optimizer(one) for one in data["optimizers"]),
            told[0].iteration,
            max(case.recording.iteration_count - 1, told[-1].iteration),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _parameter(raw: Mapping[str, Any]) -> ParameterFact:
    return ParameterFact(
        str(raw["path"]),
        tuple(map(int, raw["shape"])),
        str(raw["dtype"]),
        bool(raw["requires_grad"]),
        tuple(map(int, raw["optimizers"])),
        str(raw["gradient"]),
        str(raw["step_gradient"]),
        bool(raw["moved"]),
    )


def _optimizer(raw: Mapping[str, Any]) -> OptimizerFact:
    strangers = tuple(
        Stranger(tuple(map(int, s["shape"])), str(s["was"]), str(s["gradient"])) for s in raw["strangers"]
    )
    return OptimizerFact(str(raw["type"]), int(raw["holds"]), bool(raw["stepped"]), strangers)


def rates(case: Case) -> list[tuple[int, list[float]]]:
    """Iteration and the learning rate of every group of every optimiser, each time they were told to have changed."""
    found = []
    for event in case.recording.events():
        if event.kind == SETTINGS:
            found.append((event.iteration, list(_rates_in(event))))
    return found


def _rates_in(event: Event) -> Iterable[float]:
    optimizers = event.data.get("optimizers")
    for optimizer in optimizers if isinstance(optimizers, list) else []:
        for group in optimizer.get("groups", []) if isinstance(optimizer, dict) else []:
            rate = group.get("lr") if isinstance(group, dict) else None
            if isinstance(rate, int | float):
                yield float(rate)


def listed(names: Iterable[str], most: int = 4) -> str:
    """Names in backquotes, the first few of them."""
    known = list(dict.fromkeys(names))
    shown = ", ".join(f"`{name}`" if name else "the root" for name in known[:most])
    return shown if len(known) <= most else f"{shown} and {len(known) - most} more"
