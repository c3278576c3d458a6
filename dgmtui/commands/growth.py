"""The command that follows a slow blow-up over the run."""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.findings.layers.growth import Growing
    from dgmtui.session.growing import Grown


@command("growth", group="analyse", needs_replay=True)
def growth(session: Session, target: str = "", *, top: int = 10) -> Result:
    """Say whose growth led to where the target is: which unit or weight left its past first, and how fast.

    Over the recorded rows up to the cursor: a series leaves its past at the first iteration from which it stays a tenth
    above all that was before, where that past spans a tenth of the run and the series has at least doubled since; a
    weight is measured by its unit's norm, an activation by the unit's root mean square. The earliest leads; at the same
    iteration weights come before activations, then the steepest; what grew far less than the most of its kind comes
    last. Over the snapshots up to the cursor (twelve at most) the target is replayed, and through which unit it grew is
    said. --top N limits what is listed (0: all).

    JSON: {"command":"growth","iteration","target","looked_at","count","growing":[{"module","quantity","unit","onset",
    "was","now","factor","doubling","command"}…],"snapshots":[{"iteration","value","through"}…],"of","refused",
    "through","sentence"}: "doubling" in iterations, "value" the target's largest magnitude, "through" the unit
    whose part in what its module put into that value grew most (at each snapshot: that part, in [0, 1]), "of" how many
    snapshots there are.
    """
    from dgmtui.session.growing import grown

    made = grown(session, target)
    through = made.through
    listed = made.series.growing[:top] if top else made.series.growing
    told = sentence(made)
    data: dict[str, Any] = {
        "iteration": session.iteration,
        "target": made.target,
        "looked_at": made.series.looked_at,
        "count": len(made.series.growing),
        "growing": [_row(session, each) for each in listed],
        "snapshots": [
            {
                "iteration": s.iteration,
                "value": s.value,
                "through": made.share_of_through(s),
            }
            for s in made.snapshots
        ],
        "of": made.of,
        "refused": list(made.refused),
        "through": None if through is None else {"module": through.module, "unit": through.unit},
        "sentence": told,
    }
    return Result("growth", data, _blocks(made, data, told))


def _row(session: Session, each: "Growing") -> dict[str, Any]:
    from dgmtui.session.growing import weight_place

    opened: str | None = f"credit {each.module or '.'}[{each.unit}]"
    if each.quantity == "weight":
        place = weight_place(session, each.module, each.unit)
        opened = f"print {place}" if place else None
    return {
        "module": each.module, "quantity": str(each.quantity), "unit": each.unit, "onset": each.onset,
        "was": each.was, "now": each.now, "factor": each.factor, "doubling": each.doubling, "command": opened,
    }  # fmt: skip


def _blocks(made: "Grown", data: dict[str, Any], told: str) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if rows := data["growing"]:
        left = data["count"] - len(rows)
        blocks.append(
            Table(
                ("module", "unit", "quantity", "left its past", "at most before", "now", "times", "doubles in"),
                tuple(
                    (
                        r["module"] or "root", r["unit"], r["quantity"], r["onset"], r["was"], r["now"],
                        float(f"{r['factor']:.3g}"), float(f"{r['doubling']:.3g}"),
                    )
                    for r in rows
                ),
                note=f"{left:,} more; --top 0 lists all" if left else "",
            )
        )  # fmt: skip
    if made.snapshots:
        name = data["through"]
        part = "" if name is None else f"{name['module']}[{name['unit']}], % of its module"
        blocks.append(
            Table(
                ("snapshot", f"largest |{made.target}|", *([part] if part else [])),
                tuple(
                    (s["iteration"], s["value"], *([_percent(s["through"])] if part else [])) for s in data["snapshots"]
                ),
                note=f"{len(made.snapshots)} of {made.of} snapshots",
            )
        )  # fmt: skip
    blocks.append(Text(told, "strong"))
    return (*blocks, *(Text(f"snapshot {why}", "dim") for why in made.refused))


def sentence(made: "Grown") -> str:
    """Who leads, since when, how fast; who follows; and through whom it reaches the target."""
    series = made.series
    if not series.growing:
        looked = f"none of {series.looked_at:,} series left its past and doubled"
        return f"Nothing grows up to here: {looked}.{_of_target(made)}"
    leader = series.growing[0]
    told = (
        f"The {_kind(leader)} of {_named(leader)} leads: at {leader.onset:,} it left its past"
        f" (at most {leader.was:.4g}) and grew {leader.factor:.3g}-fold since,"
        f" doubling every {leader.doubling:,.0f} iterations."
    )
    followers: dict[str, Growing] = {}
    for each in series.growing[1:]:
        if each.module != leader.module:
            followers.setdefault(each.module, each)
    if followers:
        listed = [f"{_named(each)} ({_kind(each)}) at {each.onset:,}" for each in list(followers.values())[:3]]
        told += f" After it: {', '.join(listed)}."
    fastest = max(series.growing, key=lambda each: each.slope)
    if fastest is not leader:
        told += f" The {_kind(fastest)} of {_named(fastest)} grows fastest, {fastest.factor:.3g}-fold."
    return told + _of_target(made)


def _of_target(made: "Grown") -> str:
    first = made.before
    if first is None or len(made.snapshots) < 2 or first is made.snapshots[-1]:
        return ""
    last, through = made.snapshots[-1], made.through
    name = "the loss" if made.target == "loss" else made.target
    went = f"{first.value:.4g} at {first.iteration:,} to {last.value:.4g} at {last.iteration:,}"
    if last.value <= first.value:
        return f" The magnitude of {name} did not grow: {went}."
    told = f" The largest magnitude of {name} went from {went}"
    if through is None:
        return f"{told}."
    part = f"{100 * through.first:.0f} % to {100 * through.last:.0f} % of what {through.module} put in"
    return f"{told}; the part that grew most came through {through.module}[{through.unit}] (from {part})."


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def _kind(each: "Growing") -> str:
    return "weight" if each.quantity == "weight" else "activation"


def _named(each: "Growing") -> str:
    return f"{each.module or 'root'}[{each.unit}]"
