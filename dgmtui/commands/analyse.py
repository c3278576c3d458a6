"""Commands that work something out: findings and their explanation."""

from typing import Any

from dgmtui.commands.describe import left_out
from dgmtui.commands.findings_data import finding_data, findings_table, paragraphs
from dgmtui.commands.patterns import preceded_by
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session
from dgmtui.session.viewing import looked_for

NOTHING_FOUND = "No finding: nothing that is looked for was seen."


@command("findings", group="analyse", aliases=("find",), keys=(("f", "findings", "findings"),), needs_replay=True)
def findings(session: Session, *, quick: bool = False) -> Result:
    """List what went wrong, the most likely root cause first.

    What follows from a finding is told with it and not listed, but a non-finite value that follows from another finding
    comes after that. The failing iteration is replayed to find the operation, sample and unit; --quick looks at the
    recording only.

    JSON: {"command":"findings","findings":[{"kind","severity","iteration","onset","rank","phase","module","op",
    "autograd","source","sample","samples","unit","value","message","advice","consequences"}…]}, with "dataset_index"
    and "turn" where they are known, and "follows_from": {"kind","iteration","onset","module"} where it is listed though
    it follows from the finding before it. A field that does not apply is null. Numbers that are not finite are the
    strings "nan", "inf" and "-inf", here and in every object.
    """
    found = session.ranks.findings(quick=quick)
    if not found:
        looked = Text(looked_for(session), "dim")
        return Result("findings", {"findings": []}, (Text(NOTHING_FOUND), looked, *left_out(session)))
    table = findings_table(found, session.ranks.complete, with_rank=session.ranks.several)
    return Result("findings", {"findings": [finding_data(f) for f in found]}, (table, *left_out(session)))


@command("explain", group="analyse", keys=(("x", "explain", "explain"),), needs_replay=True)
def explain(session: Session, n: int | None = None) -> Result:
    """Explain one finding with its evidence: the Nth of `findings`, else the one chosen, else the first.

    JSON: {"command":"explain","number","finding","chain","evidence":[{"command","text"}…],"source_text","data"}: the
    finding as `findings` gives it; in words the way from a non-finite value to the input, or what pushed units below
    zero (null where neither is known); commands that show it, the source line, and in "data" what its kind adds, with
    "order" (why it is listed where it is), "followed_by" (the findings that it explains, as {"kind","severity",
    "iteration","onset","rank","module","message"}), "alike" (other layers of which the same is told) and "preceded_by"
    (series that changed together before it, as a group of `patterns` with a "sentence"). Where nothing
    was found, "finding" is null and "evidence" empty.
    """
    found = session.ranks.findings()
    asked, n = n, n if n is not None else session.chosen.number(found) or 1
    if not found and asked in (None, 1):
        nothing: dict[str, Any] = {
            "number": None,
            "finding": None,
            "chain": None,
            "evidence": [],
            "source_text": None,
            "data": {},
        }
        return Result("explain", nothing, (Text(NOTHING_FOUND),))
    if not 1 <= n <= len(found):
        has = f"there are 1 to {len(found)}" if found else "there are none"
        raise UsageError(f"no finding {n}; {has}")
    finding = found[n - 1]
    chain = session.ranks.results(finding.rank).crediting.account(finding) or finding.data.get("chain", "")
    before = preceded_by(session, finding)
    data = {
        "number": n,
        "finding": finding_data(finding),
        "chain": chain or None,
        "evidence": [{"command": item.command, "text": item.text} for item in finding.evidence],
        "source_text": finding.source_text,
        "data": finding.data | ({"preceded_by": before} if before else {}),
    }
    told = (Text(before["sentence"]),) if before else ()
    return Result("explain", data, (*paragraphs(n, finding, chain), *told))
