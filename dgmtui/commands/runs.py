"""The recordings of a directory as a table."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.render.runs import STATE_GLYPHS, course, finding_words, iterations, last_loss, told_of
from dgmtui.session.runs.listing import list_runs
from dgmtui.session.runs.model import Run, Worst, span_words
from dgmtui.session.session import Session

COLUMNS = ("", "run", "state", "worst finding", "iterations", "loss", "course", "written", "")
SPARK_WIDTH = 16


@command("runs", group="session", logged=False)
def runs(
    session: Session,
    directory: Path | None = None,
    *,
    sort: Literal["time", "finding", "name", "loss", "state"] = "time",
) -> Result:
    """List the recordings of a directory, of this one's if none is named, newest first.

    The files of several ranks (`run.rank*.h5`) are one run. Each tells its worst finding, from what is recorded:
    nothing is replayed. The states are running; silent (without an end, and nothing was written for a minute: its
    process is there, or can't be seen); killed (without an end, and its process is gone); stopped (by dgmtui at a value
    that is not finite, by Ctrl+C or SIGTERM); exception; done; unreadable. `dgmtui DIR --batch --json` prints the same
    without a recording.

    JSON: {"command":"runs","directory","runs":[{"path","paths","state","detail","iterations","loss","written",
    "finding"}…]}: "path" is the first rank's of "paths", "state" one of those above, "detail" says more about it in
    words, "loss" is the last one, "written" in seconds since the epoch; "finding" is null where there is none, else
    {"kind","severity","iteration","message","count"}, the worst of "count" findings.
    """
    where = directory or Path(session.recording.path).parent
    beside = () if session.compared is None else session.compared.others
    with session.results.one_work() as progress:
        found = list_runs(where, sort, opened=(*session.recording.ranks, *beside), progress=progress)
    return listed(where, found)


def listed(directory: Path, found: Sequence[Run]) -> Result:
    """The list as an answer."""
    data = {"directory": str(directory), "runs": [_data(run) for run in found]}
    if not found:
        return Result("runs", data, (Text(f"no recording (*.h5) in {directory}"),))
    now = time.time()
    return Result("runs", data, (Table(COLUMNS, tuple(cells(run, now) for run in found)),))


def cells(run: Run, now: float) -> tuple[str, ...]:
    """One run's row."""
    return (
        STATE_GLYPHS[run.state],
        run.name,
        run.state,
        finding_words(run),
        iterations(run),
        last_loss(run),
        course(run, SPARK_WIDTH),
        f"{span_words(now - run.written)} ago",
        told_of(run),
    )


def _data(run: Run) -> dict[str, object]:
    return {
        "path": str(run.files.paths[0]),
        "paths": [str(path) for path in run.files.paths],
        "state": run.state,
        "detail": run.detail or run.not_looked,
        "iterations": run.iterations,
        "loss": run.loss,
        "written": run.written,
        "finding": None if run.worst is None else _finding(run.worst),
    }


def _finding(worst: Worst) -> dict[str, object]:
    return {name: getattr(worst, name) for name in ("kind", "severity", "iteration", "message", "count")}
