"""Commands that leave known or intended non-finite values out."""

from collections.abc import Callable

from dgmtui.commands.grammar import Excludable, Excluded
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.session.session import Session

NOTHING = "nothing is excluded; `exclude PATTERN` leaves non-finite values out by module, operation or node"


@command("exclude", group="analyse", needs_replay=True)
def exclude(session: Session, pattern: Excludable = "") -> Result:
    r"""Leave non-finite values out that are known or intended; without a pattern, list what is left out.

    The regular expression is looked for in the module's path (`root` for the root), the operation (aten.log), the
    node (node:20) and the source line (vae.py:32): `exclude ^dec\.mask`, `exclude aten.log$`. The jumps to
    non-finite values, `break nonfinite`, the births that a replay finds and the findings honour it. Where there was
    no replay only the module of a value is known, not its operation; what follows from an excluded birth is left out
    where the replay showed that nothing else was born in that iteration.

    JSON: {"command":"exclude","patterns":[…],"findings"}: all patterns that stand, and how many findings there are.
    """
    return _changed(session, "exclude", lambda: session.ranks.exclusions.add(pattern) if pattern else None)


@command("include", group="analyse", needs_replay=True)
def include(session: Session, pattern: Excluded) -> Result:
    """Take an exclusion back, by the pattern that was given to `exclude`, or all of them.

    JSON: as `exclude`, with "command":"include".
    """
    exclusions = session.ranks.exclusions

    def take_back() -> None:
        every = pattern == "all" and pattern not in exclusions.patterns
        for each in exclusions.patterns if every else (pattern,):
            exclusions.take_back(each)

    return _changed(session, "include", take_back)


def _changed(session: Session, name: str, change: Callable[[], object]) -> Result:
    exclusions = session.ranks.exclusions
    before, complete = exclusions.patterns, session.ranks.complete
    change()
    if exclusions.patterns != before:
        session.ranks.look_again()
    found = session.ranks.findings(quick=not complete)
    count = f"{len(found)} finding{'s' * (len(found) != 1)}" if found else "no finding is left"
    said = f"excluded: {'  '.join(exclusions.patterns)} · {count}" if exclusions else NOTHING
    return Result(name, {"patterns": list(exclusions.patterns), "findings": len(found)}, (Text(said),))
