"""Detectors, each declared once where it is written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dgmtui.findings.case import Case
    from dgmtui.findings.model import Finding

Detect: TypeAlias = "Callable[[Case], Iterable[Finding]]"


@dataclass(frozen=True)
class Detector:
    """One idea of what can go wrong."""

    name: str
    detect: Detect
    summary: str
    """First line of its docstring."""


DETECTORS: dict[str, Detector] = {}


def detector(name: str) -> Callable[[Detect], Detect]:
    """Declare a function as the detector ``name``: it gets a ``Case`` and yields findings.

    Raises:
        ValueError: the name is taken, or the function has no docstring to explain it by.
    """

    def declare(detect: Detect) -> Detect:
        if name in DETECTORS:
            raise ValueError(f"there are two detectors {name!r}")
        if not detect.__doc__:
            raise ValueError(f"detector {name!r} has no docstring")
        DETECTORS[name] = Detector(name, detect, detect.__doc__.strip().splitlines()[0])
        return detect

    return declare
