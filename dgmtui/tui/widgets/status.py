"""The line at the top, the line of tabs and the line of keys: one row of text each."""

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human
from dgmtui.render.tables import cut
from dgmtui.session.view import View
from dgmtui.tui.widgets.charts import ChartPane


class Status(ChartPane):
    """``vae.h5 · 1,318 iterations · 3 snapshots · replay agrees            iteration 1317  ✗ forward``."""

    _view: View | None = None

    def show_view(self, view: View) -> None:
        """Draw what stands at the top."""
        self._view = view
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the width."""
        if self._view is not None and self.size.width:
            self.put([status_row(self._view, self.size.width)])


class Line(ChartPane):
    """One line of styled pieces."""

    def show_row(self, row: Row) -> None:
        """Draw ``row``."""
        self.put([row])


class Tabs(Line):
    """The line of tabs; a click opens one."""

    class Chosen(Message):
        """A person chose a tab."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    _titles: tuple[str, ...] = ()
    _active = 0

    def show_tabs(self, titles: Sequence[str], active: int) -> None:
        """Draw them, one of them open."""
        self._titles, self._active = tuple(titles), active
        self.redraw()

    def draw(self) -> None:
        """Lay them out for the width."""
        if self._titles and self.size.width:
            self.show_row(tabs_row(self._titles, self._active, self.size.width))

    def on_click(self, event: Click) -> None:
        """Open the one under the pointer."""
        end = 0
        for title, (text, _) in zip(self._titles, self._lines[0][::2] if self._lines else (), strict=False):
            if end <= event.x < end + len(text):
                self.post_message(self.Chosen(title))
            end += len(text) + 1


def status_row(view: View, width: int) -> Row:
    """File and counts at the left as far as they fit, where the cursor is at the right always."""
    where = f"iteration {human(view.cursor)}"
    phase = f"  ✗ {view.phase}" if view.phase else ""
    room = max(0, width - len(where) - len(phase) - 3)
    said = {"ended": "the run has ended", "waits": "the training waits"}
    live = (said.get(view.live, f"live, {view.live}"),) if view.live else ()
    facts = [
        view.title,
        *live,
        *filter(None, (view.pace,)),
        f"{human(view.iterations)} iterations",
        f"{human(view.snapshot_count)} snapshots",
    ]
    left = view.title
    for end in range(1, len(facts) + 1):
        fitting = " · ".join([*facts[:end], view.verdict])
        left = fitting if len(fitting) <= room else left
    text = cut(left, room)
    return [(" " + text.ljust(room), "strong"), (" " + where, "strong"), (phase, "error"), (" ", "")]


SHORT = {"contributions": "contrib", "operations": "ops"}
"""Names of tabs where there is little room."""


def tabs_row(titles: Sequence[str], active: int, width: int) -> Row:
    """``[contributions]  operations   output``: the brackets tell without colour which is open.

    Where there is no room for so many blanks they stand closer, then the others have short names, then they are cut.
    """
    if sum(map(len, titles)) + 3 * len(titles) - 1 <= width:
        return _tabs([f" {title} " for title in titles], titles, active)
    short = [SHORT.get(title, title) for title in titles]
    lengths = range(max(map(len, titles)), 0, -1)
    ways = [list(titles), *([title[:length] for title in short] for length in lengths)]
    fitting = (way for way in ways if _taken(way, titles, active) <= width)
    return _tabs(next(fitting, ways[-1]), titles, active)


def _taken(others: Sequence[str], titles: Sequence[str], active: int) -> int:
    return sum(len(text) for text, _ in _tabs(others, titles, active)) - 1


def _tabs(others: Sequence[str], titles: Sequence[str], active: int) -> Row:
    row: Row = []
    for number, text in enumerate(others):
        row += [(f"[{titles[number]}]", "cursor") if number == active else (text, "dim"), (" ", "")]
    return row


def keys_row(labels: Sequence[tuple[str, str]], width: int) -> Row:
    """``n next  c credit …``: as many whole entries as fit, the last two (prompt and help) always among them."""
    room = width - sum(map(_length, labels[-2:]))
    shown = []
    for entry in labels[:-2]:
        if _length(entry) > room:
            break
        room -= _length(entry)
        shown.append(entry)
    pieces = [((f" {key}", "strong"), (f" {label} ", "dim")) for key, label in (*shown, *labels[-2:])]
    return [piece for pair in pieces for piece in pair]


def _length(entry: tuple[str, str]) -> int:
    return len(entry[0]) + len(entry[1]) + 3
