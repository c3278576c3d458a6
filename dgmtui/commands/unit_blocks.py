"""What a tab about units shows, as a command's answer; and what all its commands share."""

from collections.abc import Sequence

from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import quote
from dgmtui.commands.result import Block, Pictures, Table, Text
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.session import Session
from dgmtui.session.view import UnitsTab

LISTED = 8
"""Units or samples that a row names."""


def shown(session: Session, snapshot: SnapshotInfo, tab: str, view: UnitsTab) -> tuple[Block, ...]:
    """Show ``view`` in its tab, and as blocks."""
    session.results.units.shown[tab] = view
    blocks: list[Block] = [Text(view.title, "strong")]
    if view.columns:
        blocks.append(Table(view.columns, view.rows, clusters=view.clusters))
    if view.pictures:
        blocks.append(Pictures(view.pictures, view.shared))
    if view.note:
        blocks.append(Text(view.note, "dim"))
    return (*blocks, *as_edited(session), *elsewhere(session, snapshot.iteration))


def line_of_unit(module: str, unit: int) -> str:
    """What looks at one unit: ``unit 3 --of conv1``; of a module's call it is the module's."""
    path, colon, number = module.rpartition(":")
    return f"unit {unit} --of {quote((path if colon and number.isdecimal() else module) or '.')}"


def few(numbers: Sequence[int], most: int = LISTED) -> str:
    """``3, 17, 20, …``."""
    return ", ".join(map(str, numbers[:most])) + (", …" if len(numbers) > most else "")


def without_empty(
    columns: tuple[str, ...], rows: list[tuple[object, ...]]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """The table without columns in which no row has anything."""
    kept = [i for i in range(len(columns)) if not rows or any(row[i] not in (None, "") for row in rows)]
    return tuple(columns[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def path_of(session: Session, module: str) -> str:
    """The module, or the call of it (``cell:0``), that is meant; ``""`` typed is what is selected.

    Raises:
        UsageError: there is none of that name.
    """
    if not module:
        return session.module
    if module == ".":
        return ""
    path, colon, number = module.rpartition(":")
    session.recording.module(path if colon and number.isdecimal() else module)
    return module
