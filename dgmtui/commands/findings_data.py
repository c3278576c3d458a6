"""A finding as the JSON contract names it, and as paragraphs."""

from typing import Any

from dgmtui.commands.result import Block, Table, Text
from dgmtui.findings.model import Finding

FIELDS = (
    "kind", "severity", "iteration", "onset", "rank", "phase", "module", "op", "autograd", "source",
    "sample", "samples", "unit", "value", "message", "advice", "consequences",
)  # fmt: skip
"""Always there, null where one does not apply."""
OPTIONAL = ("dataset_index", "turn")
"""There where they are known."""
CAUSE = ("kind", "iteration", "onset", "module")
"""What ``follows_from`` tells of the finding that one follows from."""
MARKS = {"error": "✗", "warning": "▲", "info": "·"}


def finding_data(finding: Finding) -> dict[str, Any]:
    """The object of one finding."""
    data = {name: getattr(finding, name) for name in FIELDS}
    data |= {name: value for name in OPTIONAL if (value := getattr(finding, name)) is not None}
    if cause := finding.data.get("follows_from"):
        data["follows_from"] = {name: cause[name] for name in CAUSE}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}


def place_of(finding: Finding) -> str:
    """``aten.exp · dec.xv[212] · turn 2 · sample 5 · train.py:31``; what no submodule ran is root code.

    The turn tells in which of several batches of an iteration the sample is.
    """
    unit = "" if finding.unit is None else f"[{finding.unit}]" if finding.module else f", unit {finding.unit}"
    parts = (
        finding.op or "",
        "" if finding.module is None else f"{finding.module or 'root code'}{unit}",
        "" if finding.turn is None else f"turn {finding.turn}",
        "" if finding.sample is None else f"sample {finding.sample}",
        finding.source or "",
    )
    return " · ".join(part for part in parts if part)


def findings_table(findings: tuple[Finding, ...], complete: bool, *, with_rank: bool = False) -> Table:
    """One row a finding, most likely root cause first; the number is what ``explain`` takes."""
    return Table(
        columns=("", "no.", *(("rank",) if with_rank else ()), "iteration", "kind", "where", "what"),
        rows=tuple(
            (MARKS[str(f.severity)], i, *((f.rank,) if with_rank else ()), f.iteration, f.kind, place_of(f), f.message)
            for i, f in enumerate(findings, start=1)
        ),
        note="" if complete else "from the recording only; no snapshot has been replayed for it",
        below=True,
    )


def paragraphs(number: int, finding: Finding, chain: str) -> tuple[Block, ...]:
    """A finding as an account: what, where, what to try, the ``chain`` to the input, what followed, how to see it."""
    onset = f", begun at {finding.onset:,}" if finding.onset is not None else ""
    phase = f" in {finding.phase}" if finding.phase else ""
    blocks: list[Block] = [
        Text(
            f"{MARKS[str(finding.severity)]} {number}. {finding.kind} at iteration {finding.iteration:,}{phase}{onset}",
            str(finding.severity),
        ),
        Text(" ".join(filter(None, (finding.message, finding.data.get("follows_why", ""))))),
    ]
    if place := place_of(finding):
        line = f"    {finding.source_text}" if finding.source_text else ""
        blocks.append(Text("\n".join(filter(None, (f"Where: {place}", line)))))
    blocks.append(Text(f"Try: {finding.advice}", "strong"))
    if beginning := finding.data.get("beginning"):
        blocks.append(Text(beginning))
    if chain:
        blocks.append(Text(f"Chain: {chain}"))
    if finding.consequences:
        blocks.append(Text("\n".join(("What followed:", *(f"  · {sentence}" for sentence in finding.consequences)))))
    blocks += _alike(finding)
    if order := finding.data.get("order"):
        blocks.append(Text(f"It is listed {order}", "dim"))
    if finding.evidence:
        shown = tuple((i, item.command, item.text) for i, item in enumerate(finding.evidence, start=1))
        blocks.append(Table(("", "to see it, type, or `evidence N`", "what it shows"), shown))
    return tuple(blocks)


def _alike(finding: Finding) -> list[Block]:
    """The other layers of which the same is told."""
    others = finding.data.get("alike")
    if not others:
        return []
    rows = tuple((MARKS[str(f["severity"])], f["module"] or "root", f["onset"], f["value"]) for f in others)
    return [Table(("", "also in", "since", "value"), rows)]
