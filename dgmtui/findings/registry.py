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
    live: bool = False
    """It also runs in the training process, while recording: it looks at losses, statistics and events only, never at
    snapshots, traces or replays, and is cheap enough to be run every few seconds."""


DETECTORS: dict[str, Detector] = {}


def detector(name: str, *, live: bool = False) -> Callable[[Detect], Detect]:
    """Declare a function as the detector ``name``: it gets a ``Case`` and yields findings.

    Args:
        live: as of ``Detector``.

    Raises:
        ValueError: the name is taken, or the function has no docstring to explain it by.
    """

    def declare(detect: Detect) -> Detect:
        if name in DETECTORS:
            raise ValueError(f"there are two detectors {name!r}")
        if not detect.__doc__:
            raise ValueError(f"detector {name!r} has no docstring")
        DETECTORS[name] = Detector(name, detect, detect.__doc__.strip().splitlines()[0], live)
        return detect

    return declare
