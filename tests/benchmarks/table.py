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


HEADINGS = ["what", "ours", "unit", "peer", "peer value", "ratio", "goal", "met", "note"]


def cells(row: BenchRow) -> list[str]:
    """What stands under each of ``HEADINGS``."""
    met = {None: "–", True: "yes", False: "NO"}[row.met]
    peer_value = "–" if row.peer_value is None else f"{row.peer_value:.4g}"
    ratio = "–" if row.ratio is None else f"{row.ratio:.3g}"
    return [row.what, f"{row.ours:.4g}", row.unit, row.peer, peer_value, ratio, row.goal, met, row.note]


def print_table(rows: Iterable[BenchRow], console: Console | None = None) -> None:
    """Print the rows as they come, a table an area."""
    console = console or Console(width=160)
    by_area: dict[str, list[BenchRow]] = {}
    for row in rows:
        by_area.setdefault(row.area, []).append(row)
    for area, members in by_area.items():
        table = Table(*HEADINGS, title=area)
        for row in members:
            table.add_row(*cells(row))
        console.print(table)
