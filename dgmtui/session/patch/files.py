"""The user's source files as they will be: read once, changed in memory, never written."""

import ast
import difflib
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dgmtui.errors import UsageError
from dgmtui.session.parsing import parse
from dgmtui.session.patch.names import Names
from dgmtui.trace.graph import Source

LARGEST = 4_000_000
"""Bytes of a file that is still taken for source code."""


@dataclass
class Code:
    """A source file, or the one line of it that the recording holds."""

    name: str
    """As recorded; relative to ``root``."""
    root: str
    """The directory in which the diff applies; empty where only the line is known."""
    lines: list[str]
    """With their ends."""
    first: int = 1
    """Number of the first line."""
    original: tuple[str, ...] = field(init=False)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.original = tuple(self.lines)
        self._numbers = [self.first + place for place in range(len(self.lines))]
        self.names = Names.of(self.tree()) if self.whole else Names.usual()

    @property
    def whole(self) -> bool:
        """Whether all of the file is here, so that a diff of it can be applied."""
        return bool(self.root)

    @property
    def changed(self) -> bool:
        """Whether anything was replaced."""
        return tuple(self.lines) != self.original

    def tree(self) -> ast.Module:
        """It as it is now, parsed.

        Raises:
            UsageError: it is no Python that this Python knows.
        """
        text = "".join(self.lines)
        for ending in ("", " pass"):
            try:
                return parse(text.rstrip("\n") + ending + "\n")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                if self.whole:
                    break
        raise UsageError(f"{self.name} can't be parsed")

    def here(self, line: int) -> int:
        """Where the line that had that number when recorded is now, counted from 1."""
        return max((place for place, number in enumerate(self._numbers, start=1) if number <= line), default=1)

    def text(self, node: ast.expr) -> str:
        """The characters of an expression."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        found = [line.encode() for line in self.lines[first : last + 1]]
        found[-1] = found[-1][: node.end_col_offset]
        found[0] = found[0][node.col_offset :]
        return b"".join(found).decode()

    def put(self, node: ast.expr, text: str) -> None:
        """Put ``text`` in the place of an expression.

        Raises:
            UsageError: what comes of it is no Python; nothing is changed then.
        """
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before = self.lines[first].encode()[: node.col_offset].decode()
        after = self.lines[last].encode()[node.end_col_offset :].decode()
        old = self.lines[:], self._numbers[:]
        new = (before + text + after).splitlines(keepends=True)
        numbers = self._numbers[first : last + 1]
        self.lines[first : last + 1] = new
        self._numbers[first : last + 1] = [numbers[min(place, len(numbers) - 1)] for place in range(len(new))]
        try:
            self.tree()
        except UsageError:
            self.lines, self._numbers = old
            raise

    def diff(self) -> str:
        """All changes as a unified diff, imports that they need included."""
        lines = list(self.lines)
        if self.names.needed:
            place = self.names.import_after(self.tree())
            end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
            lines[place:place] = [f"{each}{end}" for each in sorted(self.names.needed)]
        return "".join(_ended(difflib.unified_diff(self.original, lines, self.name, self.name)))


class Codes:
    """The files that edits are about, each opened when first asked for."""

    def __init__(self, directory: str) -> None:
        self._directories = (Path(directory), Path.cwd())
        self._whole: dict[str, Code | None] = {}
        self._lines: dict[tuple[str, int], Code] = {}

    def of(self, source: Source) -> Code:
        """The file that holds that line, unchanged since; else the line alone."""
        if source.file not in self._whole:
            self._whole[source.file] = self._read(source.file)
        code = self._whole[source.file]
        if code is not None and 0 < source.line <= len(code.original):
            if code.original[source.line - 1].strip() == source.text:
                return code
        key = (source.file, source.line)
        if key not in self._lines:
            self._lines[key] = Code(_printable(source.file), "", [_printable(source.text) + "\n"], source.line)
        return self._lines[key]

    def changed(self) -> tuple[Code, ...]:
        """Those in which something was replaced."""
        return tuple(code for code in (*self._whole.values(), *self._lines.values()) if code and code.changed)

    def _read(self, name: str) -> Code | None:
        if Path(name).suffix != ".py" or name != _printable(name) or ".." in Path(name).parts:
            return None
        roots = (Path("/"),) if Path(name).is_absolute() else self._directories
        for root in roots:
            try:
                if (root / name).is_file() and (root / name).stat().st_size <= LARGEST:
                    return Code(name.lstrip("/"), str(root), _lines_of(root / name))
            except (OSError, SyntaxError, UnicodeError, UsageError):
                continue
        return None


def _lines_of(file: Path) -> list[str]:
    with file.open("rb") as stream:
        encoding, _ = tokenize.detect_encoding(stream.readline)
    with file.open(encoding=encoding, newline="") as text:
        return list(text)


def _ended(diff: Iterator[str]) -> Iterator[str]:
    for line in diff:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
