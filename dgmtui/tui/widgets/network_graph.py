"""The network as a graph, one turn below the other."""

from typing import TYPE_CHECKING

from textual.events import Click

from dgmtui.commands.grammar import quote
from dgmtui.render.graph_rows import graph_rows
from dgmtui.session.network.model import Network, told_once
from dgmtui.tui.widgets.pane import BACKSPACE, ENTER, STEPS, Asked, RowsPane

if TYPE_CHECKING:
    from dgmtui.render.chart import Row


class NetworkGraph(RowsPane):
    """Rails and a row a module or function; the birth or the selected module is kept in sight."""

    _networks: tuple[Network, ...] = ()
    _module = ""
    _hint = ""
    _paths: dict[int, str] = {}  # noqa: RUF012 - replaced, never changed
    """Which module each row is of."""

    def show_networks(self, networks: tuple[Network, ...], module: str, hint: str) -> None:
        """Draw ``networks`` with ``module`` marked; ``hint`` says how to get them where there are none."""
        if (networks, module, hint) != (self._networks, self._module, self._hint):
            self._networks, self._module, self._hint = networks, module, hint
            self.redraw()

    def line_of(self, line: str) -> str:
        """The keys that go through rows go through modules; Enter opens the selected one, Backspace what it is in."""
        inside = self._networks[0].module if self._networks else ""
        if line == ENTER and self._module and self._module != inside:
            return f"graph {quote(self._module)}"
        if line == BACKSPACE and inside:
            return f"graph {quote(inside.rpartition('.')[0] or '.')}"
        paths = list(dict.fromkeys(self._paths.values()))
        if line not in STEPS or not paths:
            return line
        here = paths.index(self._module) if self._module in paths else None
        first = 0 if STEPS[line] > 0 else len(paths) - 1
        found = paths[first if here is None else min(max(0, here + STEPS[line]), len(paths) - 1)]
        return f"module {quote(found)}"

    def on_click(self, event: Click) -> None:
        """Select the module under the pointer; where it is already, open it."""
        row = self.row_at(event.y)
        path = None if row is None or self.covered else self._paths.get(row + len(self._head))
        if path is not None:
            self.post_message(Asked(f"{'graph' if path == self._module else 'module'} {quote(path)}"))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        if not self._networks:
            self.show([], [[(self._hint, "dim")]])
            return
        self._paths = {}
        rows: list[Row] = []
        shown: int | None = None
        for title, network in told_once(self._networks):
            rows += [[(title, "strong")]] if title else []
            drawn, place = graph_rows(network, max(20, self.size.width), self._module)
            shown = len(rows) + place if place is not None and shown is None else shown
            below = len(rows) + bool(network.title) + 1
            self._paths |= {
                below + i: v.modules[0] for i, v in enumerate(network.vertices) if v.modules and v.modules[0]
            }
            rows += drawn
        head = rows[:1] if not self._networks[0].turn else rows[:2]
        self.show(head, rows[len(head) :])
        if shown is not None:
            self.reveal(shown - len(head))
