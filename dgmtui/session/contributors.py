"""The table of contributions as a person looks through it: sorted, filtered, with one row picked, and drilled into."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from dgmtui.errors import UsageError
from dgmtui.session.climbing import Focus
from dgmtui.session.crediting import CreditTable, Sort
from dgmtui.session.folding import folded

if TYPE_CHECKING:
    from dgmtui.credit import Contribution
    from dgmtui.session.against import Key
    from dgmtui.session.session import Session

SORTS: tuple[Sort, ...] = get_args(Sort)
"""In the order in which a key goes through them."""
GROUPED: tuple[Sort, ...] = ("forward", "difference")
"""What of rows upstream and of rows downstream is of different things, so that they can't be compared."""
MOST_ROWS = 300
"""Half of them upstream of the target, half downstream: more than anybody scrolls through; ``credit --top 0`` prints
them all."""


@dataclass(frozen=True)
class Listing:
    """The rows of a table as they are listed, each told once."""

    rows: "tuple[Contribution, ...]"
    """Those upstream of the target and what came in, then those downstream; where ``grouped`` is False, all in one."""
    grouped: bool
    left_out: int
    """How many do not match the filter."""


class Contributors:
    """What was chosen stays while tables come and go."""

    def __init__(self) -> None:
        self.sort: Sort = "forward"
        self.only = ""
        """A regular expression; empty: every row is listed."""
        self._picked: dict[str, Key] = {}
        """By target, so that one who goes back out stands on the row through which the way led."""
        self._made: tuple[CreditTable, Listing] | None = None

    def listing(self, table: CreditTable) -> Listing:
        """The rows of ``table``, made once for each."""
        if self._made is None or self._made[0] is not table:
            self._made = table, listed(table)
        return self._made[1]

    def picked(self, table: CreditTable) -> int | None:
        """Where in the listing the picked row is, if it is there."""
        key = self._picked.get(table.asked)
        return next((i for i, row in enumerate(self.listing(table).rows) if row.key == key), None) if key else None

    def pick(self, table: CreditTable, place: int | None) -> None:
        """Pick a row of the listing, or none."""
        self._picked.pop(table.asked, None)
        if place is not None:
            self._picked[table.asked] = self.listing(table).rows[place].key


def listed(table: CreditTable) -> Listing:
    """Which rows a person sees, in which order."""
    told = folded(table.contributions.rows, table.graph)
    both = (*told, *table.contributions.inputs)
    rows = [row for row in both if row.forward is not None or row.backward is not None]
    kept = table.filtered(rows)
    left_out = len(rows) - len(kept)
    if table.sorted_by not in GROUPED:
        return Listing(tuple(table.sorted_rows(kept, table.sorted_by)[:MOST_ROWS]), False, left_out)
    upstream = table.sorted_rows(row for row in kept if row.forward is not None)
    downstream = table.sorted_rows((row for row in kept if row.forward is None), "backward")
    return Listing((*upstream[: MOST_ROWS // 2], *downstream[: MOST_ROWS // 2]), True, left_out)


def checked_pattern(pattern: str) -> str:
    """``pattern``, if it is a regular expression.

    Raises:
        UsageError: it is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}; put a backslash before . [ ] ( ) +") from None
    return pattern


def shown_table(session: "Session") -> CreditTable:
    """The table that is shown.

    Raises:
        UsageError: none is.
    """
    shown = session.results.crediting.shown
    if shown is None:
        raise UsageError("there is no table of contributions yet; `credit` makes one")
    return shown


def rearranged(session: "Session") -> CreditTable | None:
    """The table that is shown, if any, sorted and filtered as was chosen."""
    crediting, chosen = session.results.crediting, session.contributors
    if crediting.shown is not None:
        crediting.shown = replace(crediting.shown, sort=chosen.sort, only=chosen.only)
    return crediting.shown


def name_of(table: CreditTable, row: "Contribution") -> str:
    """The row as a target: of the rows of the batch that the table is of, where it is of none itself."""
    rows = (row.sample,) if row.sample is not None else table.contributions.target.rows
    unit = "" if row.unit is None else f"[{row.unit}]"
    at = "@" + ",".join(map(str, rows)) if rows else ""
    return f"{row.module or '.'}{unit}{at}{row.region or ''}"


def go_into(session: "Session", number: int | None) -> CreditTable:
    """Make the picked contributor, or the one of that number from 1, the target; ``go_out`` leads back.

    Raises:
        UsageError: there is no table, none is picked, or there is none of that number.
        ReplayError, CreditError: there is no credit for it.
    """
    table = shown_table(session)
    place = session.contributors.picked(table) if number is None else number - 1
    rows = session.contributors.listing(table).rows
    if place is None:
        raise UsageError("no row is picked; `row next` picks one, `into 1` goes into the first")
    if not 0 <= place < len(rows):
        raise UsageError(f"the table has rows 1 to {len(rows)}; not {number}" if rows else "the table has no rows")
    focus = session.focus
    below = focus if focus is not None and focus.target == table.asked else Focus(table.asked)
    session.contributors.pick(table, place)
    target = name_of(table, rows[place])
    return _credited(session, table, Focus(target, below))


def go_out(session: "Session") -> CreditTable:
    """Make the target from which ``go_into`` came the target again.

    Raises:
        UsageError: it came from nowhere.
        ReplayError, CreditError: there is no credit for it any more.
    """
    table, focus = shown_table(session), session.focus
    if focus is None or focus.below is None:
        raise UsageError("there is nothing further out; `row next` and `into` go into a contributor")
    return _credited(session, table, focus.below)


def _credited(session: "Session", table: CreditTable, focus: Focus) -> CreditTable:
    """As ``table`` was made, at its snapshot, for another target."""
    assert table.propagation is not None, "a table that was made knows how"
    made = session.results.crediting.credit(
        table.snapshot,
        focus.target,
        by=table.by,
        propagation=table.propagation,
        against=session.against,
        sort=table.sort,
        only=table.only,
    )
    session.focus = focus
    what = made.contributions.target
    session.aim(focus.target, what.module, what.unit, what.sample)
    return made
