"""Commands that change the iteration at hand and run it again: would this have held?"""

import math
from typing import TYPE_CHECKING, Any, Literal

from dgmtui.commands.births import birth_data, birth_line, outcome_line
from dgmtui.commands.describe import elsewhere
from dgmtui.commands.grammar import Change, OutputPlace, Replacement
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Text
from dgmtui.recording.model import Match
from dgmtui.session import editing
from dgmtui.session.replayed import edited_words
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.replayed import Replayed
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.edits import Edit


@command("set", group="edit", keys=(("e", "set ", "edit"),), needs_replay=True)
def set_(session: Session, change: Change) -> Result:
    """Change the batch, a parameter or a buffer of the iteration here, and run it again.

    `set input[0][17] = input[0][3]` replaces a sample by another, `set param:enc.weight *= 0.5` (or +=, -=, /=) changes
    a parameter, `set buffer:bn.running_var[2] = 1` a buffer; input[0] is the first input of the trace, which
    `input:NAME` names too. On the right stands what `print` takes, computed on the iteration as it is now, earlier
    edits included. The edit stands, and `replay`, `print`, `credit`, `chain` and `nodes` see it, until `undo`.

    JSON: {"command":"set","edit","iteration","loss","recorded_loss","births":[… as of `replay` …],"held","edits":[…],
    "note","gone","unverified"}: "held" is true where nothing that matters is non-finite any more, "edits" what stands,
    in order, "note" what the edit did in detail or null, "gone" the findings {"kind","iteration"} that would be gone,
    and "unverified" in what the snapshot's replay differed from the training while it was recorded, else null.
    """
    return _edit(session, "set", editing.read_set(session, change))


@command("replace", group="edit", needs_replay=True)
def replace(session: Session, change: Replacement) -> Result:
    """Put another operation in the place of one, in the iteration here, and run it again.

    `replace exp at xv with softplus + 0.01`: the exp that xv runs or, where it runs none, that takes what xv gives out;
    `at .` means the root's own code, `at node:ID` one node of `nodes`; without `at` all are replaced. What can be
    replaced works element by element on one floating tensor; what can be put in is named when another name is given
    (identity takes an operation out). Numbers may follow: `softplus(2) * 3 + 0.01`. An operation that works in place
    still does.

    JSON: as `set`, with "command":"replace".
    """
    return _edit(session, "replace", editing.read_replace(change))


@command("clamp", group="edit", needs_replay=True)
def clamp(session: Session, target: OutputPlace, low: float, high: float) -> Result:
    """Keep what a module gives out within bounds, in the iteration here, and run it again.

    TARGET is MODULE (its last call is meant), MODULE[UNIT] or node:ID; -inf and +inf bound nothing.

    JSON: as `set`, with "command":"clamp".
    """
    return _edit(session, "clamp", editing.read_clamp(target, low, high))


@command("scale", group="edit", needs_replay=True)
def scale(session: Session, target: OutputPlace, factor: float) -> Result:
    """Multiply what a module gives out, in the iteration here, and run it again; 0 takes a unit out.

    TARGET is MODULE (its last call is meant), MODULE[UNIT] or node:ID.

    JSON: as `set`, with "command":"scale".
    """
    return _edit(session, "scale", editing.read_scale(target, factor))


@command("drop", group="edit", needs_replay=True)
def drop(session: Session, what: Literal["sample"], n: int) -> Result:
    """Take one sample out of the batch of the iteration here, and run it again: `drop sample 17`.

    The row is taken out of every tensor that brings the batch in, and the sizes that follow from it are made smaller.
    Where that can't be done the row is replaced by a copy of the next, and "note" says so.

    JSON: as `set`, with "command":"drop".
    """
    answer = _edit(session, "drop", editing.read_drop(n))
    if session.sample is not None and session.sample >= n:
        session.select_sample(None)  # the rows behind it have other numbers now
    return answer


@command("undo", group="edit", needs_replay=True)
def undo(session: Session) -> Result:
    """Take back the last edit of the iteration here, and run it again.

    JSON: as `set`, with "command":"undo"; "edit" is what was taken back.
    """
    snapshot = session.needed_snapshot()
    taken = session.results.undo(snapshot)
    return _told(session, snapshot, "undo", taken, f"undone: {taken.text}")


@command("redo", group="edit", needs_replay=True)
def redo(session: Session) -> Result:
    """Make the edit again that `undo` took back last, and run the iteration again.

    JSON: as `set`, with "command":"redo".
    """
    snapshot = session.needed_snapshot()
    again = session.results.redo(snapshot)
    return _told(session, snapshot, "redo", again, f"done again: {again.text}")


@command("edits", group="edit", needs_replay=True)
def edits(session: Session, *, clear: bool = False) -> Result:
    """List the edits of the iteration here.

    --clear takes all of them back; `redo` makes them again one by one.

    JSON: {"command":"edits","iteration","edits":[…]}: the command lines, in order.
    """
    snapshot = session.needed_snapshot()
    while clear and session.results.edits.of(snapshot):
        session.results.undo(snapshot)
    standing = [edit.text for edit in session.results.edits.of(snapshot)]
    lines = [f"{number}  {text}" for number, text in enumerate(standing, start=1)]
    told = "\n".join(lines) or f"no edit stands at iteration {snapshot.iteration:,}: it is as recorded"
    data = {"iteration": snapshot.iteration, "edits": standing}
    return Result("edits", data, (Text(told), *elsewhere(session, snapshot.iteration)))


def _edit(session: Session, name: str, edit: "Edit") -> Result:
    snapshot = session.needed_snapshot()
    session.results.edit(snapshot, edit)
    return _told(session, snapshot, name, edit)


def _told(session: Session, snapshot: "SnapshotInfo", name: str, edit: "Edit", head: str = "") -> Result:
    """What the iteration is like now."""
    made = session.results.replay(snapshot)
    births = session.results.births(snapshot)
    loss = float(made.replay.loss)
    held = math.isfinite(loss) and all(birth.harmless for birth in births)
    gone = _gone(session, snapshot) if held and made.edits else []
    unverified = _unverified(snapshot)
    data: dict[str, Any] = {
        "edit": edit.text,
        "iteration": snapshot.iteration,
        "loss": loss,
        "recorded_loss": snapshot.loss,
        "births": [birth_data(birth) for birth in births],
        "held": held,
        "edits": [each.text for each in made.edits],
        "note": made.said or None,
        "gone": gone,
        "unverified": unverified or None,
    }
    now = f"iteration {snapshot.iteration:,}: {made.words}; loss {loss:.9g} (recorded {snapshot.loss:.9g})"
    first = [Text(head)] if head else []
    doubt = f"already the unedited replay did not give the recorded iteration again: {unverified}"
    warned = [Text(doubt, "warning")] if unverified else []
    outcome = _outcome(made, births, held, gone)
    blocks = (*first, Text(now, "strong"), *warned, *outcome, *elsewhere(session, snapshot.iteration))
    words = edited_words(made.edits) if made.edits else made.words
    return Result(name, data, blocks, outcome_line(snapshot.iteration, words, loss, births))


def _unverified(snapshot: "SnapshotInfo") -> str:
    """Why what an edit does here may not be what it would have done in the training; empty where nothing says so."""
    verdict = snapshot.verdict
    return (verdict.detail or "it differs") if Match.DIFFERS in (verdict.forward, verdict.gradient) else ""


def _outcome(
    made: "Replayed", births: "tuple[Birth, ...]", held: bool, gone: list[dict[str, Any]]
) -> tuple[Block, ...]:
    blocks = [Text(made.said, "dim")] if made.said else []
    if made.no_gradients:
        blocks.append(Text(made.no_gradients, "warning"))
    if held:
        passes = "forward" if made.no_gradients else "forward and backward"
        harmless = "everything that matters" if births else "everything"
        would = "".join(f"; the finding `{item['kind']}` at {item['iteration']:,} would be gone" for item in gone)
        blocks.append(Text(f"{harmless} is finite, {passes}{would}"))
    return (*blocks, *map(birth_line, births))


def _gone(session: Session, snapshot: "SnapshotInfo") -> list[dict[str, Any]]:
    """The findings about this iteration's non-finite values that no longer hold; the recording's stay as they are."""
    return [
        {"kind": finding.kind, "iteration": finding.iteration}
        for finding in session.results.findings(quick=True)
        if finding.iteration == snapshot.iteration and finding.kind == "nonfinite"
    ]
