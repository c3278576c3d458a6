"""What a run's files tell of it: how it is, its losses, and its worst finding."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import DgmtuiError
from dgmtui.recording.reader import Recording, open_recording
from dgmtui.recording.writers import WRITER, is_written_by
from dgmtui.session.liveness import SILENT_SECONDS
from dgmtui.session.runs.model import SEVERITIES, SPARK_POINTS, STATES, Run, RunFiles, State, Worst, span_words
from dgmtui.trace.progress import Cancelled

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.trace.progress import Progress

BREATH_SECONDS = 5.0
"""A file that was written to within is not looked at for who writes it: it may just be replaced by a thinned one."""
ENDINGS: Mapping[str, State] = {"finished": "done", "exception": "exception"}
"""States by how a run said that it ended; any other end is that it was stopped."""


def read_run(files: RunFiles, opened: Mapping[Path, Recording] | None = None) -> Run:
    """How a run is; a file that can't be read is a run that says why. Nothing is raised.

    Args:
        opened: recordings by their resolved path that this process has open, which are not opened a second time.
    """
    if all(path.name.endswith(".part") for path in files.paths):
        return _beginning(files)
    try:
        with _opened(files, opened or {}) as ranks:
            return _told(files, ranks)
    except DgmtuiError as error:
        return Run(files, "unreadable", _without_path(str(error), files))
    except Exception as error:  # noqa: BLE001 - one bad file must not hide the others
        return Run(files, "unreadable", f"{type(error).__name__}: {error}")


def look_at_run(run: Run, opened: Mapping[Path, Recording] | None = None, progress: "Progress | None" = None) -> Run:
    """The run with its worst finding, from what is recorded; nothing is replayed, and torch is not loaded.

    Raises:
        Cancelled: ``progress`` was.
    """
    if run.state == "unreadable" or not run.iterations:
        return replace(run, looked=True)
    try:
        with _opened(run.files, opened or {}) as ranks:
            return replace(run, looked=True, worst=_worst(ranks, progress), not_looked="")
    except Cancelled:
        raise
    except DgmtuiError as error:
        return replace(run, looked=True, not_looked=_without_path(str(error), run.files))
    except Exception as error:  # noqa: BLE001 - one bad file must not hide the others
        return replace(run, looked=True, not_looked=f"{type(error).__name__}: {error}")


@contextmanager
def _opened(files: RunFiles, opened: Mapping[Path, Recording]) -> Iterator[Sequence[Recording]]:
    """The recordings of a run's ranks: those that are open where one of them is, else opened and closed again."""
    known = next((opened[path.resolve()] for path in files.paths if path.resolve() in opened), None)
    if known is not None:
        yield known.ranks
        return
    with open_recording([path for path in files.paths if not path.name.endswith(".part")]) as recording:
        yield recording.ranks


def _beginning(files: RunFiles) -> Run:
    """Nothing is to be read of it before its first iteration is whole."""
    silent = time.time() - files.written
    if silent < SILENT_SECONDS:
        return Run(files, "running", "in its first iteration", looked=True)
    return Run(files, "silent", f"in its first iteration for {span_words(silent)}, or killed in it", looked=True)


def _told(files: RunFiles, ranks: Sequence[Recording]) -> Run:
    losses = _losses(ranks)
    states = [_state_of(recording) for recording in ranks]
    state, detail = min(states, key=lambda each: STATES.index(each[0]))
    if len(ranks) > 1 and detail:
        detail = f"rank {ranks[states.index((state, detail))].info.rank}: {detail}"
    if len(files.paths) > 1:
        unread = _unread(len(files.paths) - len(ranks), ranks[0].unread)
        detail = "; ".join(filter(None, (detail, f"{len(files.paths)} ranks", unread)))
    return Run(
        files,
        state,
        detail,
        max(recording.last_iteration for recording in ranks) + 1,
        float(losses[-1]) if len(losses) else None,
        _thinned(losses),
    )


def _losses(ranks: Sequence[Recording]) -> NDArray[np.float64]:
    """Those of the first rank whose last one is not finite, else of the first rank."""
    each = [recording.losses() for recording in ranks]
    return next((losses for losses in each if len(losses) and not np.isfinite(losses[-1])), each[0])


def _unread(count: int, sentences: Sequence[str]) -> str:
    why = f": {sentences[0]}" if sentences else ""
    return f"{count} of them can't be read{why}" if count else ""


def _state_of(recording: Recording) -> tuple[State, str]:
    end = recording.end
    if end is None:
        return _without_end(recording)
    state = ENDINGS.get(end.reason, "stopped")
    if end.reason == "finished":
        return state, ""
    return state, f"{end.reason} at iteration {end.iteration}"


def _without_end(recording: Recording) -> tuple[State, str]:
    """It runs, or it was killed: as its process tells where that can be seen, else as long silence does."""
    try:
        silent = time.time() - recording.path.stat().st_mtime
    except OSError:
        return "unreadable", "it is gone"
    told = recording.info.extra.get(WRITER)
    written = None if silent < BREATH_SECONDS else is_written_by(recording.path, told)
    if written is False:
        return "killed", f"killed after iteration {recording.last_iteration}: nobody writes it any more"
    if silent < SILENT_SECONDS:
        return "running", ""
    if written and isinstance(told, Mapping):
        return "silent", f"no iteration for {span_words(silent)}, but process {told['pid']} is there"
    return "silent", f"no iteration for {span_words(silent)}: stopped or killed?"


def _worst(ranks: Sequence[Recording], progress: "Progress | None") -> Worst | None:
    from dgmtui.findings.diagnose import diagnose
    from dgmtui.findings.merge import merge

    found = [(each.info.rank, diagnose(each, progress=progress)) for each in ranks]
    findings = found[0][1] if len(found) == 1 else merge(found)
    if not findings:
        return None
    worst = min(findings, key=lambda finding: SEVERITIES.index(str(finding.severity)))
    return Worst(str(worst.severity), worst.kind, worst.iteration, _message(worst), len(findings))


def _message(finding: "Finding") -> str:
    return " ".join(finding.message.split())


def _without_path(sentence: str, files: RunFiles) -> str:
    for path in files.paths:
        sentence = sentence.removeprefix(f"{path} ")
    return sentence


def _thinned(losses: NDArray[np.float64]) -> tuple[float, ...]:
    if len(losses) <= SPARK_POINTS:
        return tuple(map(float, losses))
    size = np.where(np.isfinite(losses), np.abs(losses), np.inf)
    parts = np.array_split(np.arange(len(losses)), SPARK_POINTS)
    return tuple(float(losses[part[size[part].argmax()]]) for part in parts)
