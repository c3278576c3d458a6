"""The command that lists which series change together, and when."""

from typing import TYPE_CHECKING, Any, Literal

from dgmtui.commands.grammar import ModulePath, quote
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.findings.motifs import Group, Part, Patterns

Kind = Literal["spike", "step", "drift", "oscillation", "plateau", "divergence"]
LISTED_MODULES = 3
LISTED_PARTS = 20


@command("patterns", group="analyse", needs_replay=True)
def patterns(
    session: Session, n: int = 0, *, kind: Kind | None = None, module: ModulePath = "", top: int = 12
) -> Result:
    """List which series share a motif at the same time, the first change first.

    Looked at are all series of every unit, statistics, scalars and the loss. A spike leaves its level for a row or two;
    a step changes it from one row to the next; a drift begins to move in one direction, beyond all before and faster
    than before; an oscillation has a period; a plateau hardly moves any more; a divergence grows tenfold beyond all
    before, or becomes non-finite. Each is told from noise by the series' own past, which is the first tenth of the run
    at least; a group has more series than chance brings together, or one that stands out by itself. --kind and --module
    choose; --top lists so many groups, those with the largest shares of their modules (0: all). With N, the number of a
    group: which series, and commands that show them.

    JSON: {"command":"patterns","series","rows","count","groups":[{"number","kind","iteration","last","period",
    "modules":{PATH:{"units","of"}},"parts":[{"module","quantity","measure","units","count","of","iteration","rising","before",
    "after","score"}…],"evidence":[COMMAND…]}…]}: "count" of all groups, "series" and "rows" that were looked at; of a
    part "units" strongest first, "rising" how many go up, "before", "after" and "score" (standard deviations above
    chance) of the strongest; "period" of an oscillation, in iterations, else null. "module" is null of the run's own
    series, "units" empty of a module's own.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    from dgmtui.session.patterns import patterns_here

    found = patterns_here(session, kind, _known(session, module))
    numbered = list(enumerate(found.groups, start=1))
    if n:
        if not 1 <= n <= len(numbered):
            has = f"there are 1 to {len(numbered)}" if numbered else "there are none"
            raise UsageError(f"no group {n}; {has}")
        listed = [numbered[n - 1]]
    else:
        greatest = sorted(numbered, key=lambda each: -each[1].weight)[: top or None]
        listed = sorted(greatest, key=lambda each: each[0])
    end = session.recording.last_iteration
    data = {
        "series": found.series,
        "rows": found.rows,
        "count": len(found.groups),
        "groups": [{"number": number, **_data(group, end)} for number, group in listed],
    }
    blocks = _one(listed[0][1], end) if n else _blocks(found, listed)
    return Result("patterns", data, blocks)


def preceded_by(session: Session, finding: "Finding") -> dict[str, Any] | None:
    """The first change of many series before a finding began, or with it, in a sentence; None where none was seen."""
    from dgmtui.findings.motifs import began_at
    from dgmtui.session.patterns import change_before_finding

    group = change_before_finding(session, finding)
    if group is None:
        return None
    shown = _data(group, session.recording.last_iteration)
    verb = {"drift": "begin to drift", "divergence": "begin to diverge"}.get(str(group.kind), str(group.kind))
    typed = " · ".join(shown["evidence"])
    when = "Before it, at" if group.iteration < began_at(finding) else "With it, in the row of"
    said = f"{when} {group.iteration:,}, these {verb}: {where(group)}; {strongest(group.parts[0])} ({typed})."
    return {"sentence": said, **shown}


def _known(session: Session, module: str) -> str | None:
    return session.recording.module("" if module == "." else module).path if module else None


def _data(group: "Group", end: int) -> dict[str, Any]:
    of = {part.place.module: part.place.of for part in group.parts if part.place.of_units}
    return {
        "kind": str(group.kind),
        "iteration": group.iteration,
        "last": group.last,
        "period": group.period,
        "modules": {path: {"units": sorted(units), "of": of[path]} for path, units in group.units.items()},
        "parts": [_part(part) for part in group.parts],
        "evidence": list(evidence(group, end)),
    }


def _part(part: "Part") -> dict[str, Any]:
    place = part.place
    return {
        "module": place.module, "quantity": place.quantity, "measure": place.measure, "units": list(part.units),
        "count": part.count, "of": place.of, "iteration": part.iteration, "rising": part.rising,
        "before": part.before, "after": part.after, "score": part.score,
    }  # fmt: skip


def evidence(group: "Group", end: int) -> tuple[str, ...]:
    """Commands that show a group's strongest series around the change, up to the last iteration, ``end``."""
    part = group.parts[0]
    place = part.place
    reach = max(20, (group.last - group.iteration) // 2)
    window = f"dynamics --window {max(0, group.iteration - reach)} {min(group.last + reach, end) + 1}"
    if place.module is None:
        return ("print loss",) if place.quantity == "loss" else ()
    told = [f"module {quote(place.module) if place.module else '.'}"]
    if place.of_units:
        told += [f"quantity {place.quantity} {place.measure}", f"unit {part.units[0]}"]
    return (*told, window)


def _blocks(found: "Patterns", listed: "list[tuple[int, Group]]") -> tuple[Block, ...]:
    looked = f"{found.series:,} series in {found.rows:,} rows were looked at"
    if found.too_few:
        return (Text(f"{looked}: too few rows to tell a motif from noise; record with a smaller --every."),)
    if not listed:
        return (Text(f"Nothing stands out from its noise: {looked}."),)
    left = len(found.groups) - len(listed)
    more = f"; {left:,} smaller groups more, --top 0 lists all" if left else ""
    table = Table(
        ("no.", "iteration", "what", "units", "where", "the strongest"),
        tuple((number, *_row(group)) for number, group in listed),
        note=f"`patterns N` shows one; {looked}{more}",
    )
    return (table,)


def _row(group: "Group") -> tuple[Any, ...]:
    return (
        when(group),
        what(group),
        sum(map(len, group.units.values())) or None,
        where(group),
        strongest(group.parts[0]),
    )


def when(group: "Group") -> str:
    """``375``, ``375–2,578`` of what goes on."""
    goes_on = group.last > group.iteration and str(group.kind) not in ("spike", "step")
    return f"{group.iteration:,}–{group.last:,}" if goes_on else f"{group.iteration:,}"


def what(group: "Group") -> str:
    """``step``, ``oscillation every 40``."""
    return str(group.kind) + ("" if group.period is None else f" every {group.period:.3g}")


def _one(group: "Group", end: int) -> tuple[Block, ...]:
    shown = group.parts[:LISTED_PARTS]
    left = len(group.parts) - len(shown)
    parts = Table(
        ("module", "what of it", "series", "up", "the strongest", "before", "then"),
        tuple(
            (
                "" if (p := part.place).module is None else p.module or "root",
                p.name,
                f"{part.count} of {p.of}",
                part.rising,
                part.units[0] if part.units else None,
                part.before,
                part.after,
            )
            for part in shown
        ),
        title=f"{what(group)} at {when(group)}",
        note=f"{left} more" if left else "",
    )
    typed = Table(("to see it, type",), tuple((line,) for line in evidence(group, end)))
    return parts, typed


def where(group: "Group") -> str:
    """``enc.0 24 of 64 (weight norm, activation rms), mu 3 of 8 (weight norm)``."""
    told: list[str] = []
    units = group.units
    modules = dict.fromkeys(part.place.module for part in group.parts)
    for path in modules:
        parts = [part for part in group.parts if part.place.module == path]
        what = ", ".join(dict.fromkeys(part.place.quantity for part in parts))
        if path is None:
            told.append(what)
        elif path in units:
            of = next(part.place.of for part in parts if part.place.of_units)
            told.append(f"{path or 'root'} {len(units[path])} of {of} ({what})")
        else:
            told.append(f"{path or 'root'} ({what})")
    more = len(told) - LISTED_MODULES
    return "; ".join(told[:LISTED_MODULES]) + (f"; {more} more" if more > 0 else "")


def strongest(part: "Part") -> str:
    """``enc.0[12] weight norm 0.607 → 3.99``."""
    place = part.place
    unit = f"[{part.units[0]}]" if part.units else ""
    name = "" if place.module is None else f"{place.module or 'root'}{unit} "
    return f"{name}{place.name} {part.before:.3g} → {part.after:.3g}"
