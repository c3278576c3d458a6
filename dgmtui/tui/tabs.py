"""The tabs below the chart: what each is drawn by, and which answers are drawn in it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dgmtui.session.view import View
from dgmtui.tui.widgets.contributions import Contributions
from dgmtui.tui.widgets.network_graph import NetworkGraph
from dgmtui.tui.widgets.operations import Operations
from dgmtui.tui.widgets.output import Output
from dgmtui.tui.widgets.units import UNIT_TABS, UnitsPane, looked_at, tab_of

if TYPE_CHECKING:
    from textual.screen import Screen

    from dgmtui.tui.widgets.pane import RowsPane

TABS = ("contributions", "operations", "graph", *UNIT_TABS, "output")
DRAWN_IN = (
    dict.fromkeys(("credit", "against", "into", "out", "row", "sort", "filter"), "contributions")
    | dict.fromkeys(("replay", "nodes", "node"), "operations")
    | {"graph": "graph"}
    | {command: tab for tab, commands in UNIT_TABS.items() for command in commands}
)
"""Where the answer of a command is drawn, other than in the output tab."""
THROUGH_CONTRIBUTIONS = (
    ("row", "to pick a row, then Enter to go into it"),
    ("sort", "to sort"),
    ("filter", "to filter"),
    ("against", "to compare with health"),
)
"""Commands that a table of contributions is gone through by, and what for."""
TABLES_APART = ("replay",)
"""Of these an answer with a table in it is more than that tab draws."""
DRAWN_ABOVE = ("dynamics", "loss")
"""What the charts show anyway, unless a tab is open that may cover it."""
CHOOSES_SERIES = ("quantity",)
"""What is asked for to see it in the chart: a tab that has taken the chart's room gives way."""
TALL = ("graph", *UNIT_TABS)
"""What needs the room of the charts where the screen is short."""
COVERING = (*TALL, "output")


def panes() -> "Iterator[RowsPane]":
    """One a tab; they stay mounted."""
    yield Contributions(id="contributions")
    yield Operations(id="operations")
    yield NetworkGraph(id="graph")
    yield from (UnitsPane(id=tab) for tab in UNIT_TABS)
    yield Output(id="output")


def show_in_tabs(screen: "Screen[None]", view: View, hint: Callable[[str, str], str]) -> None:
    """Give every tab its part of ``view``; ``hint(command, purpose)`` says how to get one where there is none."""
    keys = "; ".join(hint(command, purpose) for command, purpose in THROUGH_CONTRIBUTIONS)
    screen.query_one(Contributions).show_credit(view.credit, hint("credit", "for contributions"), keys)
    operations = hint("replay", "for operations"), view.node, hint("replay", "for ranges")
    screen.query_one(Operations).show_operations(view.operations, *operations)
    graph_hint = hint("graph", "for the network as a graph")
    screen.query_one(NetworkGraph).show_networks(view.networks, view.module, graph_hint)
    for tab in UNIT_TABS:
        pane = screen.query_one(f"#{tab}", UnitsPane)
        pane.show_units(tab_of(view, tab), hint(tab, f"for {tab}"), looked_at(view))
