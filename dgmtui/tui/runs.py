"""The list of a directory's runs: filled by another process, narrowed, sorted, and Enter opens one."""

import asyncio
import textwrap
import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click, Key
from textual.screen import Screen

from dgmtui.render.chart import Row
from dgmtui.render.runs import run_rows, told_of
from dgmtui.render.tables import cut_middle
from dgmtui.render.themes import AUTO
from dgmtui.session.runs.background import LOOK, READ
from dgmtui.session.runs.model import Run
from dgmtui.session.runs.process import RunsProcess
from dgmtui.session.runs.shown import RunList
from dgmtui.tui.help import Entry, HelpScreen
from dgmtui.tui.painted import Painted
from dgmtui.tui.widgets.pane import LazyRows, RowsPane
from dgmtui.tui.widgets.status import Line, keys_row

DRAW_SECONDS = 0.05
"""What comes within is drawn once."""
AGE_SECONDS = 2.0
"""How often it is told anew how long ago something was."""
STARTING_SECONDS = 0.03
TOLD_ROWS = 3
LOW = 16
"""Rows of a terminal below which one row has to do for what is told of a run."""
KEYS: tuple[tuple[str, str, str, str], ...] = (
    ("enter", "choose", "open", "open the selected run; q there comes back to this row"),
    ("s", "sort", "sort", "sort: newest, worst finding first, by name, least loss first"),
    ("slash", "seek", "filter", "only runs whose name, state or worst finding has these words"),
    ("escape", "give_up", "", "show all runs again; else stop looking for findings"),
    ("f", "look", "", "go on looking for findings"),
    ("down,j", "move(1)", "", "next run"),
    ("up,k", "move(-1)", "", "previous run"),
    ("pagedown", "page(1)", "", "a screenful on"),
    ("pageup", "page(-1)", "", "a screenful back"),
    ("home,g", "move(-1000000)", "", "first run"),
    ("end,G", "move(1000000)", "", "last run"),
    ("f1,question_mark", "help", "help", "this help"),
    ("q,ctrl+c", "quit", "quit", "leave the list"),
)
"""Keys, action, footer label (empty: not there), help."""
SHOWN_KEYS = {"enter": "Enter", "slash": "/", "f1": "F1", "escape": "Esc", "down": "↓", "up": "↑", "question_mark": "?"}
MEANINGS: tuple[tuple[str, str], ...] = (
    ("▶ running", "It has no end yet, and something was written within the last minute."),
    ("○ silent", "No end, and nothing was written for a minute. Its process is there, or it can't be seen from here."),
    ("† killed", "No end, and its process is gone: kill -9, or no memory left. What it recorded can be read."),
    ("■ stopped", "By dgmtui at a value that is not finite, by Ctrl+C, or by SIGTERM."),
    ("✗ exception", "It ended by an exception."),
    ("· done", "It ended as its script does."),
    ("? unreadable", "No recording, damaged, or not for you to read; the line below the list says what it is."),
    ("worst finding", "✗ error, ▲ warning, · worth knowing, with the iteration; … still to be looked for. From what is "
     "recorded, without a replay: the run itself tells more, and may tell it of another iteration."),
)  # fmt: skip


class RunsScreen(Screen[None]):
    """The list, what is told of the selected run, and the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _, _ in KEYS]

    def __init__(self, listing: RunList, process: RunsProcess, notice: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self._listing, self._process, self._clock = listing, process, clock
        self._listened: int | None = None
        """The file descriptor that is watched."""
        self._drawing = False
        self._notice = notice
        """Why what was asked for can't be done."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield RowsPane(id="runs")
        yield Line(id="told")
        yield Line(id="footer")

    def on_mount(self) -> None:
        """Listen to the process that reads the runs."""
        self._listen()
        self.call_after_refresh(self._ask)  # the names come first, also where there is but one core
        self.set_interval(AGE_SECONDS, self._draw)

    def on_unmount(self) -> None:
        """However it was left."""
        if self._listened is not None:
            asyncio.get_running_loop().remove_reader(self._listened)

    def on_resize(self) -> None:
        """The columns fit what there is."""
        self.set_class(self.size.height < LOW, "-low")
        self.call_after_refresh(self._draw)

    def on_key(self, event: Key) -> None:
        """While something is sought, letters are part of it and run nothing."""
        listing = self._listing
        if not listing.typing:
            return
        if event.key == "enter":
            listing.seek(listing.sought, typing=False)
        elif event.key == "backspace":
            listing.seek(listing.sought[:-1], typing=True)
        elif event.is_printable and event.character:
            listing.seek(listing.sought + event.character, typing=True)
        else:
            return
        event.stop()
        event.prevent_default()
        self._draw()

    def on_click(self, event: Click) -> None:
        """Select what was clicked."""
        pane = self.query_one(RowsPane)
        row = pane.row_at(event.screen_y - pane.region.y) if event.widget is pane else None
        if row is not None:
            self._select(row)

    def action_move(self, count: int) -> None:
        """Select another run."""
        self._select(self._listing.place + count)

    def action_page(self, pages: int) -> None:
        """Select the run a screenful away."""
        self.action_move(pages * max(1, self.query_one(RowsPane).body_height - 1))

    def action_choose(self) -> None:
        """Open the selected run."""
        run = self._listing.selected
        if run is None:
            return
        if run.state == "unreadable":
            self._say(f"{run.name} can't be opened: {run.detail}")
        else:
            self._listing.select(self._listing.place)
            self.app.exit(run)

    def action_sort(self) -> None:
        """Sort by the next order."""
        self._listing.sort_next()
        self._say("")

    def action_seek(self) -> None:
        """Begin to narrow."""
        self._listing.seek(self._listing.sought, typing=True)
        self._say("")

    def action_give_up(self) -> None:
        """Give up what narrows the list, else the look for findings."""
        listing = self._listing
        if listing.typing or listing.sought:
            listing.seek("", typing=False)
        elif listing.waiting:
            listing.looking = False
            self._ask()
        self._say("")

    def action_look(self) -> None:
        """Look for findings again."""
        self._listing.looking = True
        self._ask()
        self._say("")

    def action_help(self) -> None:
        """Show every key, and what the glyphs mean."""
        self.app.push_screen(HelpScreen(help_entries()))

    def action_quit(self) -> None:
        """Leave the list."""
        self.app.exit()

    def _ask(self) -> None:
        self._process.ask(LOOK if self._listing.looking else READ)

    def _select(self, place: int) -> None:
        self._listing.select(place)
        self._say("")

    def _say(self, notice: str) -> None:
        self._notice = notice
        self._draw()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._listened is not None:
            loop.remove_reader(self._listened)
        self._listened = None if self._process.ended else self._process.fileno()
        if self._listened is not None:
            loop.add_reader(self._listened, self._receive)

    def _receive(self) -> None:
        begun = self._process.begun
        self._listing.take(self._process.receive())
        if self._process.ended or self._process.begun != begun:
            self._listen()
        if not self._drawing:
            self._drawing = True
            self.set_timer(DRAW_SECONDS, self._draw)

    def _draw(self) -> None:
        self._drawing = False
        pane = self.query_one(RowsPane)
        if not pane.size.width:
            return
        shown, title = self._listing.shown, self._title(pane.size.width)
        if shown:
            head, row = run_rows(shown, self._clock(), pane.size.width)
            pane.show([title, head], LazyRows(len(shown), row), self._listing.place)
        else:
            pane.show([title, []], [[(f" {self._nothing()}", "dim")]])
        self._draw_told()
        self._draw_footer()

    def _nothing(self) -> str:
        listing = self._listing
        if listing.count:
            return "none holds that; Esc shows all"
        return "no recording (*.h5) here yet; `dgmtui record train.py` makes one"

    def _title(self, width: int) -> Row:
        """The directory as far as there is room beside what is said of it."""
        listing = self._listing
        shown = f"{len(listing.shown)} of " if listing.sought else ""
        parts = [f"{shown}{listing.count} runs", listing.order_words]
        if listing.waiting:
            known = listing.count - listing.waiting
            said = f"findings {known} of {listing.count}"
            parts.append(f"{said} …" if listing.looking else f"{said}, f goes on")
        words = " · ".join(parts)
        return [(f" {cut_middle(str(listing.directory), max(8, width - len(words) - 3))} ", "strong"), (words, "")]

    def _draw_told(self) -> None:
        run, line = self._listing.selected, self.query_one("#told", Line)
        error = " · ".join(filter(None, (self._notice, self._listing.error)))
        text = error or ("" if run is None else " · ".join(filter(None, (run.name, told_of(run)))))
        rows = textwrap.wrap(text, max(1, line.size.width - 2), max_lines=max(1, line.size.height), placeholder=" …")
        line.put([[(f" {row}", "error" if error else "")] for row in rows])

    def _draw_footer(self) -> None:
        listing, line = self._listing, self.query_one("#footer", Line)
        row = keys_row([(_shown(keys), label) for keys, _, label, _ in KEYS if label], line.size.width)
        if listing.typing or listing.sought:
            cursor = [(" ", "cursor")] if listing.typing else []
            count = f"  {len(listing.shown)} of {listing.count}"
            keys = "Enter keeps it, Esc gives it up" if listing.typing else "Esc shows all"
            row = [(f" /{listing.sought}", "strong"), *cursor, (count, ""), (f"  {keys}", "dim")]
        line.show_row(row)


class RunsApp(Painted[Run]):
    """Returns the run that was chosen; None: the list was left."""

    CSS = (
        "Screen { layout: vertical; overflow: hidden; } #runs, #help { height: 1fr; } Line { height: 1; } "
        f"#told {{ height: {TOLD_ROWS}; }} .-low #told {{ height: 1; }}"
    )

    def __init__(
        self,
        listing: RunList,
        process: RunsProcess,
        *,
        notice: str = "",
        look: str = AUTO,
        ascii_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``notice`` is said at first; ``clock`` gives seconds since the epoch; the rest as of ``Painted``."""
        super().__init__(look, ascii_only=ascii_only)
        self.main = RunsScreen(listing, process, notice, clock)

    def on_load(self) -> None:
        """Textual paints three times while it starts; over a slow line once is enough."""
        self.delay_update(STARTING_SECONDS)

    def get_default_screen(self) -> Screen[None]:
        """The list."""
        return self.main


def help_entries() -> list[Entry]:
    """Keys, then what stands in the list."""
    keys = [Entry("keys", " ".join(map(_shown, keys.split(","))), text, is_key=True) for keys, _, _, text in KEYS]
    return [*keys, *(Entry("what stands there", head, text) for head, text in MEANINGS)]


def _shown(keys: str) -> str:
    key = keys.split(",")[0]
    return SHOWN_KEYS.get(key, key)
