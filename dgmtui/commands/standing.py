"""The command that stands where another session stood: what ``save`` writes where a session moved by itself."""

from typing import Annotated, Literal

from dgmtui.commands.describe import moved
from dgmtui.commands.grammar import Completes
from dgmtui.commands.look import MeasureName, QuantityName
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.recording.model import Measure, Quantity
from dgmtui.session.session import Session
from dgmtui.session.standing import BELOW, Standing, read_pick, read_place

Phase = Literal["input", "forward", "backward", "update", "edit"]


@command("stand", group="session")
def stand(
    session: Session,
    iteration: int,
    place: Annotated[str, Completes("module")] = ".",
    *,
    quantity: QuantityName = "activation",
    measure: MeasureName | None = None,
    phase: Phase | None = None,
    target: str = "",
    pick: str = "",
    rank: int | None = None,
    follow: bool = False,
) -> Result:
    """Go to an iteration and look at a module, unit and sample, `MODULE[UNIT]@SAMPLE`, all at once.

    Saved sessions have it where the screen moved by itself. --target is what `credit` explains, with what `down` leads
    to behind ` < `; --pick is the line of the chart that is pointed at; --follow goes with the run again.

    JSON: as `goto`, with "command":"stand".
    """
    on = session.rank if rank is None else rank
    module, unit, sample = read_place(place)
    trail = tuple(target.split(BELOW)) if target else ()
    shown = None if measure is None else Measure(measure)
    there = Standing(
        on, iteration, phase, module, unit, sample, Quantity(quantity), shown, trail, read_pick(pick, on)
    )  # fmt: skip
    if follow:
        session.follow()
    there.go(session)
    session.following = follow
    return moved(session, "stand")
