"""Where a non-finite value was born, as data and as a line."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dgmtui.commands.result import Text

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_NAMES = ("phase", "op", "module", "node", "what", "count", "sample", "unit", "value", "harmless")


def birth_data(birth: "Birth") -> dict[str, Any]:
    """One of ``births`` in the object of ``replay``."""
    return {name: getattr(birth, name) for name in _NAMES} | {"source": str(birth.source) if birth.source else None}


def outcome_line(iteration: int, words: str, loss: float, births: "Sequence[Birth]") -> Text:
    """``iteration 1,317: edited (1 edit) · loss 182.5 · holds``, or where it first is non-finite now."""
    first = next((birth for birth in births if not birth.harmless), None)
    if first is not None:
        end, style = f"first non-finite: {_where(first)}", "warning"
    else:
        held = math.isfinite(loss)
        end, style = ("holds", "") if held else ("the loss is not finite", "warning")
    return Text(f"iteration {iteration:,}: {words} · loss {loss:.6g} · {end}", style)


def _where(birth: "Birth") -> str:
    """``node 20 exp at vae.py:32``."""
    if birth.op is None:
        return birth.outside or birth.module or birth.what
    place = f" in {birth.module}" if birth.module else f" at {birth.source}" if birth.source else ""
    backward = "backward, " if birth.phase == "backward" else ""
    return f"{backward}node {birth.node} {birth.op.removeprefix('aten.')}{place}"


def birth_line(birth: "Birth") -> Text:
    """``inf is born in forward: aten.exp, unit 16, sample 15 at vae.py:32``."""
    unit = "" if birth.unit is None else f", unit {birth.unit}"
    sample = "" if birth.sample is None else f", sample {birth.sample}"
    where = f" in {birth.module}" if birth.module else ""
    at = f" at {birth.source}" if birth.source else ""
    said = f"{birth.what} is born in {birth.phase}: {birth.op or birth.outside}{where}{unit}{sample}{at}"
    return Text(said, "dim" if birth.harmless else "error")
