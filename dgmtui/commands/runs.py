"""The recordings of a directory as a table."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.render.numbers import human
from dgmtui.render.spark import spark
from dgmtui.session.runs import Run, Runs, span_words
from dgmtui.session.session import Session

GLYPHS = {"failed": "✗", "unreadable": "?", "silent": "▲", "running": "▶", "ended": "·"}
COLUMNS = ("", "run", "state", "iterations", "loss", "course", "written", "")
SPARK_WIDTH = 16


@command("runs", group="session", logged=False)
def runs(
    session: Session, directory: Path | None = None, *, sort: Literal["time", "loss", "state", "name"] = "time"
) -> Result:
    """List the recordings of a directory, of this one's if none is named, newest first.

    JSON: {"command":"runs","directory","runs":[{"path","state","detail","iterations","loss","written"}…]}: "state" is
    failed, unreadable, silent (no end is recorded and nothing was written for a minute), running or ended; "written" is
    in seconds since the epoch.
    """
    where = directory or Path(session.recording.path).parent
    beside = () if session.compared is None else session.compared.others
    return listed(where, Runs(where, (*session.recording.ranks, *beside)).read(sort))


def listed(directory: Path, found: Sequence[Run]) -> Result:
    """The list as an answer."""
    data = {"directory": str(directory), "runs": [_data(run) for run in found]}
    if not found:
        return Result("runs", data, (Text(f"no recording (*.h5) in {directory}"),))
    now = time.time()
    return Result("runs", data, (Table(COLUMNS, tuple(cells(run, now) for run in found)),))


def cells(run: Run, now: float) -> tuple[str, ...]:
    """One run's row."""
    loss = "" if run.loss is None else human(run.loss)
    count = human(run.iterations) if run.iterations else ""
    course = spark(run.losses, SPARK_WIDTH) if run.losses else ""
    return (
        GLYPHS[run.state],
        run.path.name,
        run.state,
        count,
        loss,
        course,
        f"{span_words(now - run.written)} ago",
        run.detail,
    )


def _data(run: Run) -> dict[str, object]:
    return {
        "path": str(run.path),
        "state": run.state,
        "detail": run.detail,
        "iterations": run.iterations,
        "loss": run.loss,
        "written": run.written,
    }
