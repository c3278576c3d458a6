"""Where a session stands, as data and as a line."""

from dataclasses import replace
from typing import Any

from dgmtui.commands.findings_data import finding_data
from dgmtui.commands.result import Block, Result, Text
from dgmtui.recording.model import DENSE, ONSET
from dgmtui.recording.saying import rounded_words
from dgmtui.render.numbers import human
from dgmtui.session.replayed import edited_words
from dgmtui.session.session import Session
from dgmtui.session.view import DisplayRow, PickedLine
from dgmtui.trace.available import torch_is_installed

_LISTED = 16


def where_data(session: Session) -> dict[str, Any]:
    """The object of ``where``, which every command that moves or selects answers with too."""
    finding = session.results.finding_at(session.iteration)
    return {
        "iteration": session.iteration,
        "phase": session.phase,
        "module": session.module,
        "unit": session.unit,
        "sample": session.sample,
        "quantity": str(session.quantity),
        "finding": None if finding is None else finding_data(finding),
    }


def where_line(session: Session) -> str:
    """``iteration 1,317 · forward · dec.xv[212]@5 · activation · loss inf``."""
    losses = session.landmarks.losses
    loss = f"loss {losses[session.iteration]:.6g}" if session.iteration < len(losses) else ""
    parts = (
        f"iteration {session.iteration:,}",
        session.phase or "",
        session.place,
        str(session.quantity),
        loss,
    )
    return " · ".join(part for part in parts if part)


def dense_rows(session: Session) -> tuple[int, int] | None:
    """From where to where every iteration has a row, around the cursor; None where only every so many have."""
    for event in session.recording.events():
        first, last = event.data.get("first"), event.data.get("last")
        if event.kind == DENSE and isinstance(first, int) and isinstance(last, int):
            if first <= session.iteration <= last:
                return first, last
    return None


def onsets(session: Session) -> list[str]:
    """Says so where the training left its past at this iteration."""
    events = session.recording.events()
    return [event.message for event in events if event.kind == ONSET and event.iteration == session.iteration]


def batch_rows(session: Session) -> list[str]:
    """Says which rows of the data set this iteration's batch is, or its sample looked at, where that is known.

    Not while edits stand, which may have changed them.
    """
    snapshot, sample = session.snapshot, session.sample
    if snapshot is None or snapshot.iteration != session.iteration or session.results.edits.of(snapshot):
        return []
    rows = snapshot.extra.get("dataset_index", [])
    if sample is not None and sample < len(rows):
        return [f"sample {sample} is row {rows[sample]} of the data set"]
    more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
    listed = ", ".join(map(str, rows[:_LISTED]))
    return [f"the batch's rows of the data set: {listed}{more}"] if rows else []


def moved(session: Session, command: str, note: str = "") -> Result:
    """The answer of a command that moved or selected, with a sentence where it did other than was asked."""
    blocks: tuple[Block, ...] = (Text(where_line(session)),)
    if note:
        blocks += (Text(note + ".", "dim"),)
    data = {**where_data(session), "note": note or None}
    return with_displays(session, Result(command, data, blocks))


def with_displays(session: Session, result: Result) -> Result:
    """An answer at a stop, with what is displayed there."""
    shown = session.stops.shown(session)
    if not shown:
        return result
    data = {**result.data, "display": [display_data(row) for row in shown]}
    return replace(result, data=data, below=tuple(Text(display_line(row, session.iteration)) for row in shown))


def display_data(row: DisplayRow) -> dict[str, Any]:
    """One of ``display`` in the object of every command that moves."""
    return {"number": row.number, "expression": row.text, "value": row.value, "measured": row.iteration}


def display_line(row: DisplayRow, cursor: int) -> str:
    """``1: loss = 182.3``, ``2: xv.activation.absmax = 89.4 (at 1,300)``."""
    if row.value is None:
        return f"{row.number}: {row.text} was not recorded by then"
    at = "" if row.iteration == cursor else f" (at {human(row.iteration)})"
    return f"{row.number}: {row.text} = {human(row.value)}{at}"


def elsewhere(session: Session, iteration: int) -> tuple[Block, ...]:
    """Says so where a snapshot stands for the cursor's iteration."""
    if iteration == session.iteration:
        return ()
    return (Text(f"at iteration {iteration:,}, the nearest snapshot before {session.iteration:,}", "dim"),)


def as_edited(session: Session) -> tuple[Block, ...]:
    """Says so where edits stand in the iteration that an answer is about."""
    standing = () if session.snapshot is None else session.results.edits.of(session.snapshot)
    return (Text(f"as {edited_words(standing)}", "dim"),) if standing else ()


def left_out(session: Session) -> tuple[Block, ...]:
    """Says so where not all is there that was recorded."""
    recording, told = session.recording, []
    if patterns := session.ranks.exclusions.patterns:
        told.append(f"Excluded are non-finite values of: {'  '.join(patterns)}")
    if recording.thinned is not None:
        told.append(f"Rows of old iterations were thinned to keep the file small; {len(recording.rows):,} are left.")
    if not torch_is_installed():
        told.append("PyTorch is not installed here: nothing was replayed, this is what the recording alone tells.")
    if recording.rounding:
        told.append(f"Series were rounded to {rounded_words(recording.rounding)}.")
    return tuple(Text(line, "dim") for line in told)


def picked_words(line: PickedLine) -> str:
    """``dec.xv[212] = 4.12 at 1,317 · outlier``."""
    return f"{line.name} = {line.value:.4g} at {line.iteration:,} · {line.kind}"
