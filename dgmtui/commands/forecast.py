"""The command that says which trends arrive at a limit, and when."""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.grammar import ModulePath, quote
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.findings.forecast import Ahead


@command("forecast", group="analyse", needs_replay=True)
def forecast(session: Session, module: ModulePath = "") -> Result:
    """Say which trends reach a limit, and at which iteration, where forecasts like it have held before.

    Towards overflow: a module's output and what an exponential after it, or its dtype, can take. Towards divergence: a
    gradient, a weight or the loss that grows to the end of float32's range. Towards collapse: an output's standard
    deviation, to a hundredth of what it began with; the share of units that are zero for every sample, to all. A line
    through the last rows, on a linear or a logarithmic scale, is followed to the limit, within another run length; its
    interval is to hold in nine of ten cases. It is tested on the same series: from earlier rows, with what was known
    there. Where too few of those held, or too few were decided, nothing is said. With MODULE: of that module only.

    JSON: {"command":"forecast","forecasts":[{"kind","module","quantity","what","arrival","earliest","latest","level",
    "now","iteration","scale","doubling","held","made","sentence","evidence":[COMMAND…]}…]}: "kind" is overflow,
    collapse or divergence; "now" the value at "iteration"; "doubling" in iterations, negative where it halves, null on
    a linear scale; of "made" earlier forecasts "held" held what came. "module" is null of the loss.
    """
    from dgmtui.session.patterns import forecasts_here

    chosen = session.recording.module("" if module == "." else module).path if module else None
    found = forecasts_here(session, chosen)
    if not found:
        said = "No forecast: no trend reaches a limit within another run length, or none could be relied on before."
        return Result("forecast", {"forecasts": []}, (Text(said),))
    rows = tuple((a.arrival.iteration, a.kind, a.sentence, " · ".join(evidence(a))) for a in found)
    table = Table(("iteration", "kind", "what", "to see it, type"), rows)
    return Result("forecast", {"forecasts": [_data(ahead) for ahead in found]}, (table,))


def _data(ahead: "Ahead") -> dict[str, Any]:
    from dgmtui.findings.forecast import arrival_data

    return {
        "kind": ahead.kind,
        "module": ahead.module,
        "quantity": ahead.quantity,
        "what": ahead.what,
        **arrival_data(ahead.arrival),
        "sentence": ahead.sentence,
        "evidence": list(evidence(ahead)),
    }


def evidence(ahead: "Ahead") -> tuple[str, ...]:
    """Commands that show the series."""
    if ahead.module is None:
        return ("print loss",)
    return f"module {quote(ahead.module) if ahead.module else '.'}", f"quantity {ahead.quantity}", "dynamics"
