"""The list of a directory's recordings: it is read again and again, and Enter opens one."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dgmtui.commands.result import Table
from dgmtui.commands.runs import COLUMNS, cells
from dgmtui.errors import DgmtuiError
from dgmtui.render.chart import Row
from dgmtui.render.tables import table_rows
from dgmtui.render.themes import AUTO
from dgmtui.session.runs import ORDERS, Run, Runs
from dgmtui.tui.painted import Painted
from dgmtui.tui.widgets.pane import RowsPane

READ_SECONDS = 2.0
"""Between two looks at the directory."""


class RunsApp(Painted[Path]):
    """Returns the path that was chosen; None: the list was left."""

    CSS = "Screen { overflow: hidden; } #runs { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("enter", "choose", show=False),
        Binding("s", "sort", show=False),
        Binding("q,escape,ctrl+c", "quit", show=False),
    ]

    def __init__(
        self,
        runs: Runs,
        *,
        chosen: Path | None = None,
        look: str = AUTO,
        ascii_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(look, ascii_only=ascii_only)
        self._runs, self._clock = runs, clock
        self._order = ORDERS[0]
        self._listed: tuple[Run, ...] | None = None
        """None before the first look."""
        self._at = chosen
        self._error = ""
        self._reading = False

    def compose(self) -> ComposeResult:
        """One pane."""
        yield RowsPane(id="runs")

    def on_mount(self) -> None:
        """Read now and from time to time."""
        self._read()
        self.set_interval(READ_SECONDS, self._read)

    def on_resize(self) -> None:
        """The columns fit what there is."""
        self.call_after_refresh(self._draw)

    def action_move(self, count: int) -> None:
        """Select another run."""
        if self._listed:
            place = min(max(0, self._place() + count), len(self._listed) - 1)
            self._at = self._listed[place].path
            self._draw()

    def action_choose(self) -> None:
        """Open the selected run."""
        if not self._listed:
            return
        run = self._listed[self._place()]
        if run.state == "unreadable":
            self._error = run.detail
            self._draw()
        else:
            self.exit(run.path)

    def action_sort(self) -> None:
        """Sort by the next order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._read()

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read_in_thread, thread=True)

    def _read_in_thread(self) -> None:
        error, listed = "", self._listed or ()
        try:
            listed = self._runs.read(self._order)
        except DgmtuiError as failure:
            error = str(failure)
        self.call_from_thread(self._take, listed, error)

    def _take(self, listed: tuple[Run, ...], error: str) -> None:
        self._reading = False
        self._listed, self._error = listed, error
        self._draw()

    def _place(self) -> int:
        return next((place for place, run in enumerate(self._listed or ()) if run.path == self._at), 0)

    def _draw(self) -> None:
        pane = self.query_one(RowsPane)
        if pane.size.width:
            listed = self._listed or ()
            head, rows = list_rows(listed, self._clock())
            count = "reading …" if self._listed is None else f"{len(listed)} runs · by {self._order}"
            title: Row = [(f" {self._runs.directory} · {count}", "strong")]
            detail = listed[self._place()].detail if listed else ""
            keys: Row = [(" Enter opens  s sorts  q leaves", "dim"), (f"  {detail}", "")]
            if self._error:
                keys = [(f" {self._error}", "error")]
            pane.show([title, keys, head], rows, self._place() if rows else None)


def list_rows(listed: Sequence[Run], now: float) -> tuple[Row, list[Row]]:
    """The heading and a line a run; what is wider than the screen is cut there."""
    rows = table_rows(Table(COLUMNS, tuple(cells(run, now) for run in listed)))
    return (rows[0], rows[1:]) if listed else ([], [])
