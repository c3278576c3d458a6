"""The network as a graph, one turn below the other."""

from typing import TYPE_CHECKING

from dgmtui.render.graph_rows import graph_rows
from dgmtui.session.network.model import Network, told_once
from dgmtui.tui.widgets.pane import RowsPane

if TYPE_CHECKING:
    from dgmtui.render.chart import Row


class NetworkGraph(RowsPane):
    """Rails and a row a module or function; the birth or the selected module is kept in sight."""

    _networks: tuple[Network, ...] = ()
    _module = ""
    _hint = ""

    def show_networks(self, networks: tuple[Network, ...], module: str, hint: str) -> None:
        """Draw ``networks`` with ``module`` marked; ``hint`` says how to get them where there are none."""
        if (networks, module, hint) != (self._networks, self._module, self._hint):
            self._networks, self._module, self._hint = networks, module, hint
            self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        if not self._networks:
            self.show([], [[(self._hint, "dim")]])
            return
        rows: list[Row] = []
        shown: int | None = None
        for title, network in told_once(self._networks):
            rows += [[(title, "strong")]] if title else []
            drawn, place = graph_rows(network, max(20, self.size.width), self._module)
            shown = len(rows) + place if place is not None and shown is None else shown
            rows += drawn
        head = rows[:1] if not self._networks[0].turn else rows[:2]
        self.show(head, rows[len(head) :])
        if shown is not None:
            self.reveal(shown - len(head))
