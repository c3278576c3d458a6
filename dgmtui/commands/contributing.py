"""Commands that look through the table of contributions: sort, filter, pick a row, go into it and back out."""

from typing import Any, Literal

from dgmtui.commands.credit_tables import credit_blocks, credit_data, row_data
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import Rest
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.render.numbers import human, signed
from dgmtui.session.contributors import SORTS, checked_pattern, go_into, go_out, name_of, rearranged, shown_table
from dgmtui.session.crediting import CreditTable, Sort
from dgmtui.session.folding import share_of
from dgmtui.session.session import Session

_TOP = 20
Step = Literal["next", "previous", "first", "last", "none"]


@command("sort", group="analyse", keys=(("=", "sort next", ""),))
def sort(session: Session, by: Sort | Literal["next"] = "forward") -> Result:
    """Sort tables of contributions: by forward or backward part, value, difference or the modules' order.

    It stays until it is changed; `next` is the one after the present one. `credit --sort` is for one table only.

    JSON: {"command":"sort","by"}: what tables are sorted by now.
    """
    able = [each for each in SORTS if each != "difference" or session.against is not None]
    if by not in ("next", *able):
        raise UsageError("to sort by difference needs something to compare with: type `against` first")
    shown = session.results.crediting.shown
    now = session.contributors.sort if shown is None else shown.sorted_by
    session.contributors.sort = able[(able.index(now) + 1 if now in able else 0) % len(able)] if by == "next" else by
    said = f"sorted by {session.contributors.sort}"
    return _rearranged(session, Result("sort", {"by": session.contributors.sort}, (Text(said),)))


@command("filter", group="analyse", keys=(("%", "filter ", ""),))
def filter_(session: Session, pattern: Rest = "") -> Result:
    """List only contributors whose module matches a regular expression; without one, all.

    Their names, as `enc.0[48]@15`, may match too. It stays until it is changed. Sums, and where the target's value
    went, are of all contributors.

    JSON: {"command":"filter","pattern","left_out"}: null where all are listed; how many rows of the table that is shown
    do not match.
    """
    session.contributors.only = checked_pattern(pattern)
    shown = rearranged(session)
    left_out = 0 if shown is None else session.contributors.listing(shown).left_out
    said = f"only contributors that match {pattern}: {left_out:,} are left out" if pattern else "all contributors"
    return _rearranged(session, Result("filter", {"pattern": pattern or None, "left_out": left_out}, (Text(said),)))


@command("row", group="analyse", keys=(("}", "row next", ""), ("{", "row previous", "")))
def row(session: Session, which: Step | int = "next") -> Result:
    """Pick a row of the table of contributions: the next or previous, or by its number from 1.

    Enter goes into the picked row (`into`). It stays picked while the table is sorted, filtered or made anew.

    JSON: {"command":"row","number","target","row":{as a row of `credit`},"note"}: all null where none is picked, else
    its place in the table, what it is called as a target, and a sentence where there was no further row.
    """
    table = shown_table(session)
    count = len(session.contributors.listing(table).rows)
    place, note = _stepped(session.contributors.picked(table), count, which)
    session.contributors.pick(table, place)
    if place is None:
        data: dict[str, Any] = {"number": None, "target": None, "row": None, "note": note or None}
        return Result("row", data, (Text(note or "no row is picked"),))
    picked = session.contributors.listing(table).rows[place]
    name = name_of(table, picked)
    data = {"number": place + 1, "target": name, "row": row_data(table, picked), "note": note or None}
    share = share_of(table.contributions)(picked.forward)
    parts = (
        f"{place + 1} of {count}",
        f"{name} = {human(picked.value)}",
        "" if picked.forward is None else f"forward {signed(picked.forward)}",
        "" if share is None else f"{share:.1%}",
        "" if picked.backward is None else f"backward {signed(picked.backward)}",
        note,
    )
    return Result("row", data, (Text(" · ".join(part for part in parts if part)),))


@command("into", group="analyse", needs_replay=True)
def into(session: Session, number: int | None = None) -> Result:
    """Go into a contributor: it becomes the target, and `out` leads back.

    Without a number it is the picked row (`row`); where none is, the picked line of the chart is taken (`pick take`).
    The snapshot stays that of the table, wherever the cursor is. Enter does so while the tab of contributions is open,
    and Backspace goes out.

    JSON: as `credit`, with "command":"into"; as `pick` where it took a line.
    """
    table = session.results.crediting.shown
    if number is None and (table is None or (session.pick and session.contributors.picked(table) is None)):
        return REGISTRY.find("pick").call(session, "take")
    return _credited(session, "into", go_into(session, number))


@command("out", group="analyse", needs_replay=True)
def out(session: Session) -> Result:
    """Go back out to the target from which `into` (or `up`) came, and show its contributions.

    Where no table is shown, only the target moves (`down`).

    JSON: as `credit`, with "command":"out"; as `down` where no table is shown.
    """
    if session.results.crediting.shown is None:
        return REGISTRY.find("down").call(session, "")
    return _credited(session, "out", go_out(session))


def _stepped(place: int | None, count: int, which: Step | int) -> tuple[int | None, str]:
    """Which row is picked after a step, and a sentence where there was none further."""
    if isinstance(which, int):
        if not 1 <= which <= count:
            raise UsageError(f"the table has rows 1 to {count}; not {which}" if count else "the table has no rows")
        return which - 1, ""
    if which == "none" or not count:
        return None, "" if count else "the table has no rows"
    if which in ("first", "last") or place is None:
        return (count - 1 if which in ("last", "previous") else 0), ""
    wanted = place + (1 if which == "next" else -1)
    if 0 <= wanted < count:
        return wanted, ""
    return place, "this is the last row" if which == "next" else "this is the first row"


def _rearranged(session: Session, answer: Result) -> Result:
    """``answer`` with the table that is shown, if any, as it is now."""
    shown = rearranged(session)
    if shown is None:
        return answer
    said = answer.blocks[0]
    assert isinstance(said, Text), "the answer begins with what was done"
    return Result(answer.command, answer.data, (*answer.blocks, *credit_blocks(shown, _TOP)), said=said)


def _credited(session: Session, name: str, made: CreditTable) -> Result:
    told = (*credit_blocks(made, _TOP), *as_edited(session), *elsewhere(session, made.snapshot.iteration))
    return Result(name, credit_data(made, _TOP), told)
