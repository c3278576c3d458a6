"""The lines that were typed at the prompt, in this session and those before."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

KEPT = 1000
"""The file is cut to so many lines when it has twice as many."""


class TypedLines:
    """Oldest first. A file that can't be read or written costs what it would have kept, and nothing else."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lines: list[str] = []
        self._written = 0

    @property
    def lines(self) -> Sequence[str]:
        """No line twice in a row."""
        return self._lines

    def load(self) -> None:
        """Take in what earlier sessions left."""
        if self._file is None:
            return
        with suppress(OSError):
            text = self._file.read_text(encoding="utf-8", errors="replace")
            found = [line for line in text.splitlines() if line.strip()]
            self._written = len(found)
            self._lines = found[-KEPT:] + self._lines

    def remember(self, line: str) -> bool:
        """Add a line, unless it repeats the last one; whether it was added."""
        if not line or self._lines[-1:] == [line]:
            return False
        self._lines = [*self._lines[-KEPT + 1 :], line]
        return True

    def write(self, line: str) -> None:
        """Add a line to the file. Not on a screen's loop: a home may be far away."""
        if self._file is None:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8", errors="replace") as stream:
                stream.write(" ".join(line.splitlines()) + "\n")
            self._written += 1
            if self._written >= 2 * KEPT:
                self._cut()

    def before(self, begun: str, place: int) -> int | None:
        """The nearest line before ``place`` that begins with ``begun``; None where there is none."""
        return next((i for i in reversed(range(min(place, len(self._lines)))) if self._fits(i, begun)), None)

    def after(self, begun: str, place: int) -> int | None:
        """The nearest one after ``place``."""
        return next((i for i in range(place + 1, len(self._lines)) if self._fits(i, begun)), None)

    def holding(self, part: str, place: int) -> int | None:
        """The nearest line before ``place`` that has ``part`` in it."""
        return next((i for i in reversed(range(min(place, len(self._lines)))) if part in self._lines[i]), None)

    def _fits(self, place: int, begun: str) -> bool:
        return self._lines[place].startswith(begun) and self._lines[place] != begun

    def _cut(self) -> None:
        assert self._file is not None
        kept = self._file.read_text(encoding="utf-8", errors="replace").splitlines()[-KEPT:]
        whole = self._file.with_suffix(".new")
        whole.write_text("\n".join(kept) + "\n", encoding="utf-8", errors="replace")
        whole.replace(self._file)
        self._written = len(kept)
