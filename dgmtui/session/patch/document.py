"""All edits of an iteration as one text: what each asks for, then a diff a file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgmtui.session.patch.changes import Change, changed_output, replacement
from dgmtui.session.patch.files import Code, Codes
from dgmtui.session.patch.outside import changed_tensor, dropped
from dgmtui.trace.edits import ChangeOutput, DropSample, Edit, Iteration, ReplaceOperation, SetTensor
from dgmtui.trace.graph import Graph, Source
from dgmtui.trace.replay import load_replay

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.session import Session


@dataclass(frozen=True)
class Told:
    """One place that one edit changes."""

    edit: str
    """Its command line."""
    file: str | None
    line: int | None
    words: str
    """What to change there."""
    in_diff: bool
    """Whether the diff does it; the words alone say it where not."""


@dataclass(frozen=True)
class Patch:
    """What the edits of an iteration come to in the code."""

    text: str
    """Comments, and a unified diff of every file that is there and holds the recorded lines."""
    told: tuple[Told, ...]
    roots: tuple[str, ...]
    """Directories in which the diff applies, with ``patch -p0``; none where there is no diff."""


def patch_of(session: "Session", snapshot: "SnapshotInfo") -> Patch:
    """The edits that stand at a snapshot.

    Raises:
        ReplayError: the iteration can't be loaded, to see what each edit found.
    """
    codes = Codes(session.recording.info.directory)
    parts: list[tuple[Edit, Change]] = []
    for edit, graph in _stepwise(session, snapshot):
        parts += [(edit, change) for change in _changes(edit, graph, codes, session, snapshot)]
    codes_changed = codes.changed()
    whole = [code for code in codes_changed if code.whole]
    roots = tuple(dict.fromkeys(code.root for code in whole))
    told = tuple(_told(edit, change, codes) for edit, change in parts)
    lines = [*_head(session, snapshot, roots), *_comments(parts, codes), *_loose(codes_changed)]
    text = "".join(f"# {line}".rstrip() + "\n" for line in lines) + "".join(code.diff() for code in whole)
    return Patch(text, told, roots)


def _stepwise(session: "Session", snapshot: "SnapshotInfo") -> Iterator[tuple[Edit, Graph]]:
    """Every edit with the graph that it changes."""
    iteration = Iteration.of(load_replay(session.recording, snapshot))
    for edit in session.results.edits.of(snapshot):
        yield edit, iteration.graph
        iteration = edit.apply(replace(iteration, said=""))


def _changes(edit: Edit, graph: Graph, codes: Codes, session: "Session", snapshot: "SnapshotInfo") -> list[Change]:
    match edit:
        case ReplaceOperation():
            return replacement(edit, graph, codes)
        case ChangeOutput():
            return changed_output(edit, graph, codes)
        case SetTensor():
            return [changed_tensor(edit, graph, snapshot, session.recording.modules)]
        case DropSample():
            return [dropped(edit, graph, snapshot)]
    return [Change(("no change of the code is known for it",))]


def _head(session: "Session", snapshot: "SnapshotInfo", roots: tuple[str, ...]) -> list[str]:
    count = len(session.results.edits.of(snapshot))
    head = f"dgmtui: {count} edit{'s' * (count != 1)} of iteration {snapshot.iteration:,} as changes of the code"
    return [head, *(f"apply in {root}: patch -p0 < FILE, or git apply -p0 FILE" for root in roots), ""]


def _comments(parts: list[tuple[Edit, Change]], codes: Codes) -> Iterator[str]:
    number, last = 0, None
    for edit, change in parts:
        if edit is not last:
            number, last = number + 1, edit
            yield f"{number}  {edit.text}"
        where = f"{change.source}: " if change.source else ""
        for place, line in enumerate(change.words):
            yield f"   {where if place == 0 else ''}{line}"
        if change.source is not None and not change.done:
            yield f"   To be done by hand; the line is: {_line(change.source, codes)}"
    yield ""


def _line(source: Source, codes: Codes) -> str:
    code = codes.of(source)
    return code.original[source.line - code.first].strip()


def _loose(codes: tuple[Code, ...]) -> Iterator[str]:
    """Changes of lines whose file is not here, or is another by now: they apply nowhere."""
    for code in codes:
        if code.whole:
            continue
        yield f"{code.name}:{code.first}, from the recording: the file is not here, or that line of it was changed"
        yield f"  - {code.original[0].strip()}"
        yield from (f"  + {line.strip()}" for line in code.lines)
        yield ""


def _told(edit: Edit, change: Change, codes: Codes) -> Told:
    source = change.source
    whole = source is not None and codes.of(source).whole
    file, line = (None, None) if source is None else (source.file, source.line)
    return Told(edit.text, file, line, " ".join(" ".join(change.words).split()), change.done and whole)
