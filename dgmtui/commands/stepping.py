"""Commands that take the optimiser's step again, and go on with what comes of it: would it have held?"""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.births import birth_data, birth_line
from dgmtui.commands.describe import elsewhere
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.recording.model import StepOutcome
from dgmtui.session.replayed import edited_words
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.following import Followed
    from dgmtui.session.stepping import Stepped
    from dgmtui.trace.steps import Moved


@command("optimizer-step", group="edit", aliases=("optimiser-step",), needs_replay=True)
def optimizer_step(session: Session, *, top: int = 10) -> Result:
    """Take the optimiser's step with the gradients of the iteration here, and run its batch again.

    It takes the recorded optimiser state (momentum, Adam's averages, …) and settings (learning rate, betas, weight
    decay, … of this iteration) and torch.optim's own step; edits that stand count. "verdict" says whether the step of
    the iteration as recorded is the one that the training made: `matches` bit for bit, `agrees` in the norm of each
    parameter's update, `differs`, or `not made` where the run stopped before it. Rows are one a parameter, the unit
    that moved furthest for the norm of its weight first; --top N limits them (0: all). Nothing of the session changes.

    JSON: {"command":"optimizer-step","iteration","turn","edits":[…],"optimizers":[{"type","outcome","gradients",
    "settings":[{"lr",…}…]}…],"verdict","detail","loss","loss_after","recorded_loss","skipped","rows":[{"parameter",
    "module","unit","ratio","update","weight","nonfinite","what"}…],"births":[{"phase":"update","module","unit",
    "parameter","what","count"}…],"notes":[…]}: "ratio" is the norm of the unit's update by that of its weight, null
    where the weight is zero.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    snapshot = session.needed_snapshot()
    stepped = session.results.stepping.step(snapshot)
    rows = stepped.moved[: top or None]
    data = {
        **_of(snapshot),
        "edits": [edit.text for edit in stepped.edits],
        "optimizers": [_optimizer(each.told) for each in stepped.taken],
        "verdict": str(stepped.verdict.gradient),
        "detail": stepped.verdict.detail,
        "loss": stepped.loss,
        "loss_after": stepped.loss_after,
        "recorded_loss": snapshot.loss,
        "skipped": all(each.skipped for each in stepped.taken),
        "rows": [_row(row) for row in rows],
        "births": [_birth(row) for row in stepped.moved if row.nonfinite],
        "notes": list(stepped.notes),
    }
    blocks = (*_account(stepped), _table(stepped, rows), *elsewhere(session, snapshot.iteration))
    return Result("optimizer-step", data, blocks)


@command("train", group="edit", needs_replay=True)
def train(session: Session, n: int) -> Result:
    """Take the optimiser's step here, and run the N recorded iterations that follow with what comes of it.

    Each following iteration that has a snapshot is run on its own batch and random draws, with the weights, optimiser
    state and batch norm's statistics that the steps before led to; it ends at the first that does not hold. Edits of
    the code (replace, clamp, scale) go on into the following iterations, those of a batch or a weight stay where they
    stand; what stands at a following iteration counts there. Where iterations between have no snapshot their updates
    are left out, and said: then it is not what the training would have done.

    JSON: {"command":"train","iteration","turn","edits":[…],"iterations":[{"iteration","turn","loss",
    "recorded_loss","held","exact","skipped","note","births":[… as of `replay` …],"edits":[…]}…],"held","stopped"}:
    "exact" is true where nothing is known to come between, "skipped" counts the updates left out before it, "stopped"
    says why it ended early or is null.
    """
    if n < 1:
        raise UsageError("it takes how many following iterations to run, from 1")
    snapshot = session.needed_snapshot()
    edits = session.results.edits.of(snapshot)
    ran = list(session.results.stepping.follow(snapshot, n))
    last = ran[-1]
    data = {
        **_of(snapshot),
        "edits": [edit.text for edit in edits],
        "iterations": [_followed(each) for each in ran],
        "held": last.held,
        "stopped": last.stop or None,
    }
    begun = f"from iteration {snapshot.iteration:,}" + (f", {edited_words(edits)}" if edits else ", as recorded")
    blocks: list[Block] = [Text(f"{begun}: {_ended(ran)}", "strong"), _losses(ran)]
    blocks += [birth_line(birth) for birth in last.births]
    blocks += [Text(f"nothing is run after it: {last.stop}", "warning")] if last.stop else []
    return Result("train", data, (*blocks, *elsewhere(session, snapshot.iteration)))


def _of(snapshot: "SnapshotInfo") -> dict[str, Any]:
    return {"iteration": snapshot.iteration, "turn": snapshot.turn or None}


def _optimizer(told: Any) -> dict[str, Any]:
    return {
        "type": told.type,
        "outcome": str(told.outcome),
        "gradients": str(told.gradients),
        "settings": [dict(group.settings) for group in told.groups],
    }


def _row(row: "Moved") -> dict[str, Any]:
    names = ("parameter", "module", "unit", "ratio", "update", "weight", "nonfinite")
    return {name: getattr(row, name) for name in names} | {"what": row.what or None}


def _birth(row: "Moved") -> dict[str, Any]:
    return {
        "phase": "update", "module": row.module, "unit": row.unit, "parameter": row.parameter, "what": row.what,
        "count": row.nonfinite,
    }  # fmt: skip


def _account(stepped: "Stepped") -> list[Block]:
    iteration, bad = stepped.snapshot.iteration, [row for row in stepped.moved if row.nonfinite]
    names = " and ".join(each.told.type.rpartition(".")[2] for each in stepped.taken)
    edited = f", {edited_words(stepped.edits)}" if stepped.edits else ""
    if stepped.loss_after is None:
        head = f"iteration {iteration:,}{edited}: {names} leaves the weights as they are; loss {stepped.loss:.9g}"
    else:
        then = f"loss {stepped.loss:.9g}, of the same batch after it {stepped.loss_after:.9g}"
        head = f"iteration {iteration:,}{edited}: {names}'s step: {then}"
    blocks: list[Block] = [Text(head, "strong")]
    compared = "the step as recorded" if stepped.edits else "the step"
    made = any(each.told.outcome is not StepOutcome.NOT_MADE for each in stepped.taken)
    said = f"{compared} {stepped.verdict.gradient}: {stepped.verdict.detail}" if made else stepped.verdict.detail
    blocks.append(Text(said))
    blocks += [Text(note, "dim") for note in stepped.notes]
    for row in bad:
        unit = "" if row.unit is None else f", unit {row.unit}"
        blocks.append(Text(f"{row.what} is born in update: {row.parameter}{unit}, {row.nonfinite:,} elements", "error"))
    return blocks


def _table(stepped: "Stepped", rows: "tuple[Moved, ...]") -> Table:
    more = len(stepped.moved) - len(rows)
    return Table(
        ("parameter", "unit", "update / weight", "update", "weight", "non-finite"),
        tuple((r.parameter, r.unit, r.ratio, r.update, r.weight, r.nonfinite or None) for r in rows),
        note=f"{len(rows)} of {len(stepped.moved)} parameters; --top 0 for all" if more > 0 else "",
    )


def _followed(each: "Followed") -> dict[str, Any]:
    return {
        **_of(each.snapshot),
        "loss": each.loss,
        "recorded_loss": each.snapshot.loss,
        "held": each.held,
        "exact": not each.note,
        "skipped": each.skipped,
        "note": each.note or None,
        "births": [birth_data(birth) for birth in each.births],
        "edits": [edit.text for edit in each.edits],
    }


def _ended(ran: "list[Followed]") -> str:
    last, count = ran[-1], len(ran)
    exact = "" if not any(each.note for each in ran) else "; this is not what the training would have done"
    if last.held:
        return f"{count} iteration{'s' * (count > 1)} hold{'s' * (count == 1)}{exact}"
    return f"iteration {last.snapshot.iteration:,} is not finite{exact}"


def _losses(ran: "list[Followed]") -> Table:
    def cells(each: "Followed") -> tuple[Any, ...]:
        turn = f" turn {each.snapshot.turn}" if each.snapshot.turn else ""
        held = "holds" if each.held else "not finite"
        return f"{each.snapshot.iteration:,}{turn}", each.loss, each.snapshot.loss, held, each.note or None

    return Table(("iteration", "loss", "recorded", "", "note"), tuple(map(cells, ran)))
