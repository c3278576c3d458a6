"""One line of the benchmark table, and how it is printed."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class BenchRow:
    """One measurement with its peer or floor, measured in the same run."""

    area: str
    what: str
    ours: float
    unit: str
    peer: str
    peer_value: float | None
    """None where the peer could not be installed or run here; ``note`` says why."""
    ratio: float | None
    goal: str
    met: bool | None
    """None where there is no goal, or it can't be judged here."""
    note: str = ""


def print_table(rows: Iterable[BenchRow], console: Console | None = None) -> None:
    """Print the rows as they come, a table an area."""
    console = console or Console(width=160)
    by_area: dict[str, list[BenchRow]] = {}
    for row in rows:
        by_area.setdefault(row.area, []).append(row)
    for area, members in by_area.items():
        table = Table("what", "ours", "unit", "peer", "peer value", "ratio", "goal", "met", "note", title=area)
        for row in members:
            met = {None: "–", True: "yes", False: "NO"}[row.met]
            table.add_row(
                row.what,
                f"{row.ours:.4g}",
                row.unit,
                row.peer,
                "–" if row.peer_value is None else f"{row.peer_value:.4g}",
                "–" if row.ratio is None else f"{row.ratio:.3g}",
                row.goal,
                met,
                row.note,
            )
        console.print(table)
