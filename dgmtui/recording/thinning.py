"""Bringing a recording that grew too large down: a thinned copy beside it takes its name and is gone on with."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from dgmtui.recording import schema
from dgmtui.recording.budget import Budget, shown_size
from dgmtui.recording.choosing import Choice, Chooser
from dgmtui.recording.creating import part_of, writing
from dgmtui.recording.model import THINNED, Event
from dgmtui.recording.rewriting import Record, Rewriter
from dgmtui.recording.room import check_room
from dgmtui.recording.schema import LogKind
from dgmtui.recording.source import Source


@dataclass(frozen=True)
class Thinned:
    """A thinned copy that is whole and lies beside the recording, open for writing, readers let in."""

    file: h5py.File
    path: Path
    """Its name until it takes the recording's."""


def thinned(path: Path, source: Source, every: int, staged: int, budget: Budget) -> Thinned | None:
    """Write a copy of the recording at ``path`` beside it, thinned to what the budget aims at.

    Args:
        every: iterations from one row to the next as recorded.
        staged: how many of the last rows will be written over.

    Returns:
        None where nothing can be left out that would help.

    Raises:
        RecordingError: the disk refuses.
    """
    chooser = Chooser(source, every, staged)
    for goal in budget.goals:
        choice = chooser.choose(goal)
        if choice is not None:
            check_room(path, goal)
            with _beside(path) as file:
                Rewriter(source, choice, file).write(source.text(schema.INFO), told_once(source, choice, budget.limit))
                file.flush()
                file.swmr_mode = True
            return Thinned(file, part_of(path))
    return None


def take_over(copy: Thinned, path: Path) -> None:
    """Give the copy the recording's name, unless it has it already."""
    with writing(path):
        if copy.path.exists():
            copy.path.replace(path)


def discard(copy: Thinned) -> None:
    """Close and remove a copy that is not to be gone on with."""
    with contextlib.suppress(OSError, RuntimeError):
        copy.file.close()
    copy.path.unlink(missing_ok=True)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[h5py.File]:
    """``PATH.part``, which the next recording of that name writes over should this process be killed now."""
    with writing(path):
        file = h5py.File(part_of(path), "w", libver="latest", rdcc_nbytes=0)
        try:
            yield file
        except BaseException:
            discard(Thinned(file, part_of(path)))
            raise


def told_once(source: Source, choice: Choice, limit: int) -> tuple[Record, ...]:
    """The event that says that rows were thinned, unless it is there."""
    if any(record["kind"] == THINNED for _, record in source.records(LogKind.EVENT)):
        return ()
    last = int(source.rows[-1]) if len(source.rows) else 0
    message = (
        f"rows and snapshots of old iterations are thinned to keep the recording under {shown_size(limit)}; what is "
        "near a non-finite value, an event or a jump of the loss stays as it was recorded"
    )
    data = {"max_size": limit, "rows_before": len(source.rows), "rows_after": int(np.count_nonzero(choice.rows))}
    return ((LogKind.EVENT, Event(last, THINNED, message, data)),)
