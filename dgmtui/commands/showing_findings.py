"""Choosing one finding: stand where it is, and have it explained."""

from dataclasses import replace
from typing import Literal

from dgmtui.commands.analyse import explain
from dgmtui.commands.describe import moved
from dgmtui.commands.findings_data import MARKS
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session

NUMBERED = tuple((str(n), f"finding {n}", "") for n in range(1, 10))


@command("finding", group="analyse", keys=((")", "finding next", ""), ("(", "finding prev", ""), *NUMBERED))
def finding(session: Session, n: int | Literal["next", "prev"] = "next") -> Result:
    """Stand on a finding, by its number in the list, or on the next or previous one.

    Iteration, rank, module, unit and sample become those that it names, as far as they are recorded; `explain` then
    tells of it, with its evidence.

    JSON: as `goto`, with "command":"finding" and "number".
    """
    number, chosen = session.chosen.choose(session, n)
    result = moved(session, "finding")
    said = f"{MARKS[str(chosen.severity)]} {number} {chosen.kind} at {chosen.iteration:,}: {chosen.message}"
    return Result("finding", {**result.data, "number": number}, (Text(said),), below=result.below)


@command("raised", group="analyse")
def raised(session: Session) -> Result:
    """Stand on the iteration in which the exception was raised that ended the training, and explain it.

    JSON: as `explain`, with "command":"raised".
    """
    found = session.ranks.findings(quick=True)
    number = next((n for n, one in enumerate(found, start=1) if "exception" in one.data), None)
    if number is None:
        raise UsageError("no exception ended this training, as far as is recorded")
    session.chosen.choose(session, number)
    return replace(explain(session), command="raised")


@command("evidence", group="analyse", keys=(("X", "evidence", ""),), needs_replay=True, logged=False)
def evidence(session: Session, n: int | Literal["next"] = "next") -> Result:
    """Run a command that shows the chosen finding: the next of its evidence, or the Nth.

    Where none was chosen it is the first. The commands are listed by `explain` and beside the finding; the command that
    runs is what `save` keeps.

    JSON: {"command":"evidence","number","of","line","text","result"}: which of how many, the command line that runs,
    what it shows, and its object.
    """
    number, piece, count = session.chosen.evidence(session, n)
    result = REGISTRY.run(session, piece.command)
    said = f"{number} of {count}: {piece.command} · {piece.text}"
    alone = len(result.blocks) == 1 and isinstance(result.blocks[0], Text)
    blocks = (Text(said),) if alone else result.blocks
    answer = {"command": result.command, **result.data}
    data = {"command": "evidence", "number": number, "of": count, "line": piece.command, "text": piece.text}
    # it stays the answer of the command that ran, which a screen draws where that command's answers go
    return replace(result, data={**data, "result": answer}, blocks=blocks, said=Text(said))
