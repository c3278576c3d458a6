"""Whether the files that are open are still those at their paths: somebody may train again into the same name."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

BROKEN = "what is read now may be wrong: `quit`, then open it again"
CUT, WRITTEN = "was cut short", "was written to"


@dataclass(frozen=True)
class _Known:
    """A file as it was when it was opened."""

    path: str
    place: tuple[int, int]
    """Device and number: another file at the same path has another."""
    size: int
    changed: int
    """Nanoseconds."""
    ended: bool
    """Its run had ended, so that nobody has a reason to write to it."""


class OpenFiles:
    """The recordings of a session, asked now and then what became of them."""

    def __init__(self, recordings: "Iterable[Recording]") -> None:
        self._known = [known for each in recordings if (known := _known(str(each.path), each.end is not None))]
        self._said: set[str] = set()

    def news(self) -> str:
        """One sentence on what happened since, told once; empty where that is nothing."""
        told = [sentence for known in self._known if (sentence := _became(known)) and sentence not in self._said]
        self._said.update(told)
        return told[0] if told else ""

    @property
    def harm(self) -> str:
        """What makes that whatever is read may be wrong: it "was cut short" or "was written to"; else empty.

        HDF5 reads zeros where a file ends early, so that a replay of them is one of nothing.
        """
        became = [_became(known) for known in self._known]
        return next((harm for harm in (CUT, WRITTEN) if any(f" {harm};" in sentence for sentence in became)), "")


def _known(path: str, ended: bool) -> _Known | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return _Known(path, (found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns, ended)


def _became(known: _Known) -> str:
    name = Path(known.path).name
    try:
        found = Path(known.path).stat()
    except FileNotFoundError:
        return f"{name} was deleted; this is what it held"
    except OSError:
        return ""
    if (found.st_dev, found.st_ino) != known.place:
        return f"{name} was replaced; this is the old one: `quit`, then open it again"
    if found.st_size < known.size:
        return f"{name} {CUT}; {BROKEN}"
    if known.ended and found.st_mtime_ns != known.changed:
        return f"{name} {WRITTEN}; {BROKEN}"
    return ""
