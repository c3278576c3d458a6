"""How a training is recorded: what the command line, ``Recorder`` and the callbacks can all be told, checked once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, get_args

from dgmtui.errors import UsageError
from dgmtui.recorder.defaults import EVERY, LAST
from dgmtui.recorder.selection import Selection
from dgmtui.recorder.watching import Watcher
from dgmtui.recording.budget import parse_size

OnNonfinite = Literal["stop", "continue", "debug"]
OnException = Literal["stop", "debug"]


class Settings(TypedDict, total=False):
    """The keyword arguments that say how to record; ``dgmtui.Recorder`` tells what each does."""

    every: int
    last: int
    last_whole: bool
    on_nonfinite: OnNonfinite
    on_exception: OnException
    only: Sequence[str]
    without: Sequence[str]
    elements: int
    optimizer_state: bool
    snapshots: Sequence[int]
    max_size: str | int | None
    compress: bool
    watcher: Watcher | None


@dataclass(frozen=True)
class Options:
    """``Settings`` with their defaults; ``UsageError`` where one has a value that it can't have."""

    every: int = EVERY
    last: int = LAST
    last_whole: bool = False
    on_nonfinite: OnNonfinite = "stop"
    on_exception: OnException = "stop"
    only: Sequence[str] = ()
    without: Sequence[str] = ()
    elements: int = 0
    optimizer_state: bool = True
    snapshots: Sequence[int] = ()
    max_size: str | int | None = None
    compress: bool = False
    watcher: Watcher | None = None
    selection: Selection = field(init=False, repr=False, compare=False)
    """What ``only`` and ``without`` leave; it learns in one recording which patterns match, so it is of that one."""
    max_bytes: int | None = field(init=False, repr=False, compare=False)
    """``max_size``, in bytes."""

    def __post_init__(self) -> None:
        _require_whole("every", self.every, least=1)
        _require_whole("last", self.last, least=0)
        if self.on_nonfinite not in get_args(OnNonfinite):
            raise UsageError(f"on_nonfinite has to be 'stop', 'continue' or 'debug', not {self.on_nonfinite!r}")
        if self.on_exception not in get_args(OnException):
            raise UsageError(f"on_exception has to be 'stop' or 'debug', not {self.on_exception!r}")
        _require_list("only", self.only)
        _require_list("without", self.without)
        _require_whole("elements", self.elements, least=0)
        for iteration in self.snapshots:
            _require_whole("each of snapshots", iteration, least=0)
        object.__setattr__(self, "selection", Selection(self.only, self.without))
        object.__setattr__(self, "max_bytes", None if self.max_size is None else parse_size(self.max_size))

    def as_extra(self) -> dict[str, Any]:
        """What of it was asked for that a recording's ``extra`` tells."""
        return self.selection.as_extra() | ({"elements": self.elements} if self.elements else {})


def _require_whole(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise UsageError(f"{name} has to be a whole number from {least}, not {value!r}")


def _require_list(name: str, patterns: Sequence[str]) -> None:
    """A text alone would pass for a sequence of patterns of one letter."""
    if isinstance(patterns, str):
        raise UsageError(f"{name} has to be a list of patterns, as [{patterns!r}], not {patterns!r}")
