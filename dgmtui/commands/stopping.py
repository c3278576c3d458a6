"""Breakpoints, as in pdb: stop at the next iteration where what was recorded meets a condition."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from dgmtui.commands.describe import moved, where_line
from dgmtui.commands.grammar import Condition
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session
from dgmtui.session.stops import Breakpoint

HOW = "`break loss > 300` sets one"
NONE_SET = f"no breakpoint is set; {HOW}"


@command("break", group="stop", aliases=("b",), keys=(("B", "break ", ""),))
def break_(session: Session, condition: Condition = "") -> Result:
    """Set a breakpoint on a condition; without one, list them.

    `continue` then stops at the next iteration that meets it: `break loss > 300`, `break xv.activation.absmax > 60`,
    `break xv[16].activation.rms > 5`, `break nonfinite`, `break finding`. A number is loss, iteration, seconds, a
    logged scalar, MODULE.QUANTITY.STATISTIC (min max mean std absmax zeros nan posinf neginf; grad is short for
    gradient) or MODULE[UNIT].QUANTITY.MEASURE; a module may be named by the end of its path, and without one
    `grad.absmax` is the largest of all modules. Numbers may be computed with (+ - * / abs), compared (> >= < <= == !=)
    and joined (and or not, isfinite). A statistic is known at the iterations that were measured; at others a
    condition on it is not met. Of a live run that is followed, what comes in and meets one stops the following there.

    JSON: {"command":"break","number","condition","hits","first","last"}: how many iterations meet it, and the first
    and last of them, null where none does; without a condition as `breaks`.
    """
    return _set(session, "break", condition, once=False) if condition else breaks(session)


@command("tbreak", group="stop")
def tbreak(session: Session, condition: Condition) -> Result:
    """Set a breakpoint that is cleared when it is met.

    JSON: as `break`, with "command":"tbreak".
    """
    return _set(session, "tbreak", condition, once=True)


@command("breaks", group="stop")
def breaks(session: Session) -> Result:
    """List the breakpoints: how many iterations meet each, the first and the last.

    JSON: {"command":"breaks","breakpoints":[{"number","condition","enabled","once","hits","first","last"}…]}.
    """
    listed = [_data(session, each) for each in session.stops.breakpoints.values()]
    if not listed:
        return Result("breaks", {"breakpoints": []}, (Text(NONE_SET),))
    rows = tuple(
        (row["number"], row["condition"], _state(row), row["hits"], row["first"], row["last"]) for row in listed
    )
    return Result("breaks", {"breakpoints": listed}, (Table(("no.", "condition", "", "hits", "first", "last"), rows),))


@command("clear", group="stop", aliases=("cl",))
def clear(session: Session, *which: int | Literal["all"]) -> Result:
    """Clear breakpoints by their numbers, or all.

    JSON: as `breaks`, with "command":"clear": those that are left.
    """
    return _changed(session, "clear", which, lambda each: session.stops.clear(each.number))


@command("disable", group="stop")
def disable(session: Session, *which: int | Literal["all"]) -> Result:
    """Keep breakpoints, but do not stop at them until `enable`.

    JSON: as `breaks`, with "command":"disable".
    """
    return _changed(session, "disable", which, lambda each: setattr(each, "enabled", False))


@command("enable", group="stop")
def enable(session: Session, *which: int | Literal["all"]) -> Result:
    """Stop again at breakpoints that were disabled.

    JSON: as `breaks`, with "command":"enable".
    """
    return _changed(session, "enable", which, lambda each: setattr(each, "enabled", True))


@command("continue", group="stop", aliases=("c", "cont"), keys=(("R", "continue", "continue"),))
def continue_(session: Session, *, back: bool = False) -> Result:
    """Go on to the next iteration that meets a breakpoint; where none does, to the last iteration.

    --back goes to the one before that does, else to the first iteration. The module that the breakpoint names is
    looked at. A run that is still going on is followed until it meets one. (`train N` goes on training from a
    snapshot.)

    JSON: as `goto`, with "command":"continue" and "breakpoints": the numbers of those that are met.
    """
    stop = session.stops.ahead(session, back=back)
    if stop is not None:
        session.stops.stand(session, stop)
        return _stopped(session, "continue", stop.said, [each.number for each in stop.met])
    if session.watched and session.running and not back:
        session.follow()
        return _stopped(session, "continue", "following the run, until it meets a breakpoint", [])
    side, end = ("before", 0) if back else ("after", -1)
    said = f"no breakpoint is met {side} {session.iteration:,}" if session.stops.breakpoints else NONE_SET
    session.go_to(end)
    return _stopped(session, "continue", f"{said}; this is the {'first' if back else 'last'} iteration", [])


@command("until", group="stop", aliases=("unt",))
def until(session: Session, iteration: int) -> Result:
    """Go on to an iteration, or to the first before it that meets a breakpoint.

    JSON: as `continue`, with "command":"until".
    """
    last = session.recording.last_iteration
    wanted = last + 1 + iteration if iteration < 0 else iteration
    if wanted <= session.iteration:
        raise UsageError(f"{wanted:,} is not after {session.iteration:,}; `goto {wanted}` goes back")
    stop = session.stops.ahead(session)
    if stop is not None and stop.iteration <= wanted:
        session.stops.stand(session, stop)
        return _stopped(session, "until", stop.said, [each.number for each in stop.met])
    return _stopped(session, "until", session.go_to(wanted), [])


def _set(session: Session, name: str, condition: str, *, once: bool) -> Result:
    made = session.stops.add(session, condition, once=once)
    data = _data(session, made)
    wanted = ("number", "condition", "hits", "first", "last")
    said = f"breakpoint {made.number}: {made.text} · {_hits(data)}"
    return Result(name, {key: data[key] for key in wanted}, (Text(said, "" if data["hits"] else "warning"),))


def _hits(data: dict[str, Any]) -> str:
    if not data["hits"]:
        return "no iteration recorded so far meets it"
    if data["hits"] == 1:
        return f"met at iteration {data['first']:,}"
    return f"met at {data['hits']:,} iterations, from {data['first']:,} to {data['last']:,}"


def _data(session: Session, each: Breakpoint) -> dict[str, Any]:
    met = session.stops.met(session, each)
    return {
        "number": each.number,
        "condition": each.text,
        "enabled": each.enabled,
        "once": each.once,
        "hits": len(met),
        "first": int(met[0]) if len(met) else None,
        "last": int(met[-1]) if len(met) else None,
    }


def _state(row: dict[str, Any]) -> str:
    return " ".join(["" if row["enabled"] else "disabled", "once" if row["once"] else ""]).strip()


def _changed(
    session: Session, name: str, which: tuple[int | str, ...], change: Callable[[Breakpoint], object]
) -> Result:
    stops = session.stops
    if not which:
        raise UsageError("it takes numbers of breakpoints, or all; `breaks` lists them")
    numbers = list(stops.breakpoints) if "all" in which else [int(each) for each in which]
    for each in [stops.get(number) for number in dict.fromkeys(numbers)]:
        change(each)
    left = breaks(session)
    return Result(name, left.data, left.blocks)


def _stopped(session: Session, name: str, note: str, met: list[int]) -> Result:
    result = moved(session, name, note)
    line = Text(" · ".join(filter(None, (note, where_line(session)))))
    return replace(result, data={**result.data, "breakpoints": met}, blocks=(line,))
