"""Judging a recording: whole, readable but damaged, or unreadable, and until when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dgmtui.errors import ExitCode, RecordingError
from dgmtui.recording.auditing import audits
from dgmtui.recording.model import End
from dgmtui.recording.opening import DAMAGED
from dgmtui.recording.reader import Recording, open_recording
from dgmtui.recording.saying import rounded_words


@dataclass(frozen=True)
class CheckReport:
    """What ``dgmtui check`` found."""

    whole: bool
    exit_code: ExitCode
    """``DONE`` whole, ``FINDING`` readable but damaged, ``UNREADABLE``."""
    lines: tuple[str, ...]
    """Sentences for a person, the judgement first."""
    last_iteration: int | None
    """None where nothing can be read."""
    end: End | None
    """None where the run was killed or goes on, or nothing can be read."""


def check(path: str | Path) -> CheckReport:
    """Read the whole recording at ``path`` and say what is wrong with it; never raises for a bad file."""
    try:
        recording = open_recording(path)
    except RecordingError as error:
        return CheckReport(False, ExitCode.UNREADABLE, (str(error),), None, None)
    with recording:
        damage = [line for audit in audits() for line in _guarded(audit, recording)]
        end = _end(recording)
        last = _last(recording)
        extent = _extent(recording, end, last)
    if not damage:
        return CheckReport(True, ExitCode.DONE, (f"{path}: whole: {extent}",), last, end)
    summary = f"{path}: damaged, but readable: {extent}"
    return CheckReport(False, ExitCode.FINDING, (summary, *damage), last, end)


def _guarded(audit: Callable[[Recording], Iterator[str]], recording: Recording) -> list[str]:
    """What one audit finds, its own failure to read among it."""
    found = []
    try:
        for line in audit(recording):
            found.append(line)
    except RecordingError as error:
        found.append(str(error))
    except DAMAGED as error:
        found.append(f"{recording.path} can't be read in part ({' '.join(str(error).split())[:160]}).")
    return found


def _end(recording: Recording) -> End | None:
    try:
        return recording.end
    except RecordingError:
        return None


def _last(recording: Recording) -> int | None:
    try:
        return recording.last_iteration
    except RecordingError:
        return None


def _left_out(recording: Recording) -> str:
    """What was left out, where anything was."""
    try:
        event, rounding = recording.thinned, rounded_words(recording.rounding)
    except RecordingError:
        return ""
    thinned = "" if event is None else f", {len(recording.rows)} rows (old ones were thinned to keep to --max-size)"
    return thinned + (f", series rounded to {rounding}" if rounding else "")


def _extent(recording: Recording, end: End | None, last: int | None) -> str:
    """How long the recording is and how its run ended, in words."""
    count = recording.iteration_count
    held = f"{count} iteration{'' if count == 1 else 's'}{_left_out(recording)}"
    if end is not None:
        said = f" ({end.message})" if end.message else ""
        return f"{held}; the run ended at iteration {end.iteration}: {end.reason}{said}."
    if last is None or last < 0:
        return "the run was killed, or goes on, before an iteration reached the file."
    return f"{held}; the run was killed or goes on: whole until iteration {last}."
