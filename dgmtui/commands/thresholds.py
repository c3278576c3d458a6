"""The command that shows and changes what decides whether something is a finding."""

from typing import TYPE_CHECKING

from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.findings.adjusting import Threshold
    from dgmtui.findings.thresholds import Thresholds


@command("thresholds", group="analyse")
def thresholds(session: Session, name: str = "", value: str = "") -> Result:
    """List the numbers that decide what is a finding, or change one for this session.

    `thresholds NAME` tells what one means, where it is from and which detectors use it; `thresholds NAME VALUE` changes
    it, and the findings are made anew; `thresholds NAME default` takes that back, `thresholds default` all of it.

    JSON: {"command":"thresholds","thresholds":[{"name","value","default","meaning","used_by":[…]}…]}: all of them, or
    the one that is named.
    """
    from dgmtui.findings.adjusting import adjusted, known_thresholds
    from dgmtui.findings.thresholds import DEFAULT

    if name == "default" and not value:
        session.ranks.judge_by(DEFAULT)
        name = ""
    elif value:
        session.ranks.judge_by(adjusted(session.ranks.thresholds, name, value))
    elif name:
        adjusted(session.ranks.thresholds, name, "default")  # or it says what there is
    shown = [each for each in known_thresholds() if name in ("", each.name)]
    present = session.ranks.thresholds
    data = {"thresholds": [_data(each, present) for each in shown]}
    if not name:
        return Result("thresholds", data, (_table(shown, present),))
    if not shown:
        raise UsageError(f"no threshold {name!r}")
    return Result("thresholds", data, (Text(_sentence(shown[0], present)),))


def _data(threshold: "Threshold", present: "Thresholds") -> dict[str, object]:
    return {
        "name": threshold.name,
        "value": getattr(present, threshold.name),
        "default": threshold.default,
        "meaning": threshold.meaning,
        "used_by": list(threshold.used_by),
    }


def _table(shown: "list[Threshold]", present: "Thresholds") -> Table:
    def row(each: "Threshold") -> tuple[object, ...]:
        value = getattr(present, each.name)
        changed = "" if value == each.default else f"default {each.default:g}"
        return each.name, value, changed, ", ".join(each.used_by), each.meaning

    return Table(("name", "value", "changed from", "used by", "meaning"), tuple(map(row, shown)), below=True)


def _sentence(threshold: "Threshold", present: "Thresholds") -> str:
    value = getattr(present, threshold.name)
    was = "" if value == threshold.default else f" (default {threshold.default:g})"
    used = f" Used by: {', '.join(threshold.used_by)}." if threshold.used_by else " Nothing uses it."
    return f"{threshold.name} = {value:g}{was}. {threshold.meaning}{used}"
