"""Displays, as in pdb: expressions over what was recorded, shown at every stop."""

from dgmtui.commands.describe import display_data, display_line
from dgmtui.commands.grammar import Condition
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.session.session import Session

NONE_STANDS = "nothing is displayed; `display loss` shows the loss at every stop"


@command("display", group="stop")
def display(session: Session, expression: Condition = "") -> Result:
    """Show a number at every stop, or whether a condition holds; without one, list what is shown.

    The words are those of `break`: `display loss`, `display xv.activation.absmax`,
    `display xv.update.absmax / xv.weight.absmax`. A statistic is that of the last iteration measured by then, and the
    iteration is said.

    JSON: {"command":"display","display":[{"number","expression","value","measured"}…]}: "measured" is the iteration
    that the value is of. Commands that move have "display" too while something is displayed.
    """
    number = session.stops.add_display(session, expression) if expression else None
    return _all(session, "display", number)


@command("undisplay", group="stop")
def undisplay(session: Session, *which: int) -> Result:
    """Show expressions no more: those of these numbers, or all.

    JSON: as `display`, with "command":"undisplay".
    """
    for number in dict.fromkeys(which or tuple(session.stops.displays)):
        session.stops.drop_display(number)
    return _all(session, "undisplay")


def _all(session: Session, name: str, only: int | None = None) -> Result:
    """All that is displayed as data; to read, all or one of it."""
    shown = session.stops.shown(session)
    lines = [display_line(row, session.iteration) for row in shown if only in (None, row.number)] or [NONE_STANDS]
    return Result(name, {"display": [display_data(row) for row in shown]}, tuple(map(Text, lines)))
