"""Where a non-finite value was born, as data and as a line."""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.result import Text

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_NAMES = ("phase", "op", "module", "node", "what", "count", "sample", "unit", "value", "harmless")


def birth_data(birth: "Birth") -> dict[str, Any]:
    """One of ``births`` in the object of ``replay``."""
    return {name: getattr(birth, name) for name in _NAMES} | {"source": str(birth.source) if birth.source else None}


def birth_line(birth: "Birth") -> Text:
    """``inf is born in forward: aten.exp, unit 16, sample 15 at vae.py:32``."""
    unit = "" if birth.unit is None else f", unit {birth.unit}"
    sample = "" if birth.sample is None else f", sample {birth.sample}"
    where = f" in {birth.module}" if birth.module else ""
    at = f" at {birth.source}" if birth.source else ""
    said = f"{birth.what} is born in {birth.phase}: {birth.op or birth.outside}{where}{unit}{sample}{at}"
    return Text(said, "dim" if birth.harmless else "error")
