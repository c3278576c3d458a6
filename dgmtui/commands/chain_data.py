"""A chain as data and as a table of numbered lines."""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.result import Block, Table, Text

if TYPE_CHECKING:
    from dgmtui.credit import AccountLine, Chain


def chain_data(made: "Chain") -> dict[str, Any]:
    """``links``, ``sentence`` and ``account``."""
    return {
        "links": [
            {
                "module": link.module, "unit": link.unit, "sample": link.sample, "value": link.value,
                "share": link.share, "op": link.op or None, "source": str(link.source) if link.source else None,
                "command": link.command or None,
            }
            for link in made.links
        ],
        "sentence": made.sentence,
        "account": [
            {
                "line": i, "what": line.what, "value": line.value, "share": line.share, "op": line.op or None,
                "source": str(line.source) if line.source else None, "note": line.note or None,
                "command": line.command or None,
            }
            for i, line in enumerate(made.account)
        ],
    }  # fmt: skip


def account_blocks(made: "Chain", *, ways: bool) -> tuple[Block, ...]:
    """The account, then all of it in words.

    Args:
        ways: shares are parts of the line before, in percent; else factors.
    """
    columns = ("", "what", "value", "share %" if ways else "times", "operation", "where")
    rows = tuple(
        (i, line.what, line.value, _share(line.share, ways), line.op, _where(line))
        for i, line in enumerate(made.account)
    )
    opens = "`chain --open N` shows more of line N" + ("; `up` makes the next unit the target" if ways else "")
    return Table(columns, rows, note=opens), Text(made.sentence, "strong")


def _where(line: "AccountLine") -> str:
    return ", ".join(filter(None, ("" if line.source is None else str(line.source), line.note)))


def _share(share: float | None, ways: bool) -> float | None:
    if share is None:
        return None
    return float(f"{100 * share:.3g}") if ways else float(f"{share:.3g}")
