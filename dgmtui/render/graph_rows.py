"""The network as rows of text: rails at the left, at their right what each vertex is and what it gives."""

from dgmtui.render.chart import Row
from dgmtui.render.numbers import finite_share, human, shape
from dgmtui.render.rails import GLYPHS, Link, rails
from dgmtui.render.tables import aligned, cut
from dgmtui.session.network.model import Flow, Network, Vertex

MARKS = {"error": ("✗", "error"), "nonfinite": ("!", "warning"), "warning": ("▲", "warning")}
SELECTED, ON_PATH = "▶", "→"
LEGEND = (("■", "module"), ("□", "function"), ("▷", "input"), ("●", "draws at random"), ("○", "draws at random"))
PATH_LEGEND = "┃ → the way to the first non-finite value, along the largest values"
_COLUMNS = ("", "shape", "range", "finite", "dtype", "source")
_RIGHT = (False, False, False, True, False, False)
_DROPPED = ("source", "dtype", "finite", "range", "shape")
"""What is left out first where there is no room."""
_LEAST_LABEL, _MOST_LABEL = 14, 48


def graph_rows(network: Network, width: int | None = None, selected: str = "") -> tuple[list[Row], int | None]:
    """A heading, one row a vertex and a legend; and which row to show: the birth's, else the selected module's.

    Args:
        width: characters of a row; None: as many as it takes.
        selected: path of the module to mark.
    """
    if not network.vertices:
        return [[("nothing of it reaches the loss", "dim")]], None
    drawn = _rails(network, width)
    left = max(map(len, drawn)) + 1
    columns, cells, widths = _fitted(network, None if width is None else width - left - 3)
    right = [_RIGHT[_COLUMNS.index(name)] for name in columns]
    rows: list[Row] = [[(network.title, "strong")]] if network.title else []
    rows.append([(" " * (left + 2) + aligned(columns, widths, right), "head")])
    head, chosen = len(rows), _chosen(network, selected)
    for place, (vertex, line, text) in enumerate(zip(network.vertices, drawn, cells, strict=True)):
        mark, style = MARKS.get(vertex.health, (ON_PATH if vertex.on_path else " ", ""))
        arrow = SELECTED if place in chosen else " "
        body = aligned(text, widths, right)
        rows.append([(mark, style), (arrow, "strong"), (line.ljust(left), ""), (body, _style(vertex, place in chosen))])
    told = (network.note, _legend(network))
    rows += [[(part if width is None else cut(part, width - 1), "dim")] for part in told if part]
    born = next((place for place, vertex in enumerate(network.vertices) if vertex.born), None)
    shown = born if born is not None else min(chosen, default=None)
    return rows, None if shown is None else shown + head


def _legend(network: Network) -> str:
    """What the glyphs mean that stand there."""
    there = {GLYPHS[vertex.kind, vertex.random] for vertex in network.vertices}
    told = [f"{glyph} {word}" for glyph, word in LEGEND if glyph in there]
    if {"●", "○"} <= there:
        told = [*(each for each in told if each[0] not in "●○"), "● ○ draws at random"]
    return "  ".join([*told, *([PATH_LEGEND] if any(vertex.on_path for vertex in network.vertices) else [])])


def _rails(network: Network, width: int | None) -> list[str]:
    """The rails; where they would leave no room, the numbers of the rows that each takes from."""
    glyphs = [GLYPHS[vertex.kind, vertex.random] for vertex in network.vertices]
    drawn = rails(glyphs, [Link(edge.tail, edge.head, edge.on_path) for edge in network.edges])
    if width is None or max(map(len, drawn)) <= max(9, width // 2):
        return drawn
    takes: dict[int, list[int]] = {}
    for edge in network.edges:
        takes.setdefault(edge.head, []).append(edge.tail)
    most = max(8, width // 3)
    return [
        cut(f"{place} {glyph}" + (" ← " + " ".join(map(str, takes[place])) if place in takes else ""), most)
        for place, glyph in enumerate(glyphs)
    ]


def _fitted(network: Network, room: int | None) -> tuple[list[str], list[list[str]], list[int]]:
    """Columns, cells and widths that fit."""
    told = [dict(zip(_COLUMNS, _cells(vertex), strict=True)) for vertex in network.vertices]
    columns = [name for name in _COLUMNS if not name or any(row[name] for row in told)]
    dropped = list(_DROPPED)
    while True:
        cells = [[row[name] for name in columns] for row in told]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        if room is None:
            return columns, cells, widths
        rest = sum(widths[1:]) + 2 * (len(widths) - 1)
        if rest + min(widths[0], max(_LEAST_LABEL, room // 3)) <= room or len(columns) == 1:
            widths[0] = max(1, min(widths[0], _MOST_LABEL, room - rest))
            return columns, cells, widths
        name = dropped.pop(0)
        columns = [column for column in columns if column != name]


def _cells(vertex: Vertex) -> tuple[str, ...]:
    times = f" ×{vertex.repeats}" if vertex.repeats > 1 else ""
    again = f" (call {vertex.index + 1})" if vertex.index and vertex.repeats == 1 else ""
    loss = "loss: " if vertex.loss else ""
    out = vertex.out
    name = " ".join(filter(None, (f"{loss}{vertex.label}{again}{times}", vertex.type)))
    return (name, shape(out.shape) if out.dtype else "", span(out), share(out), out.dtype, vertex.source)


def span(flow: Flow) -> str:
    """``-1.2 … 3.4``; empty before a replay."""
    if not flow.replayed:
        return ""
    return "nothing finite" if flow.low is None else f"{human(flow.low, 3)} … {human(flow.high, 3)}"


def share(flow: Flow) -> str:
    """The finite part of the values: ``100 %``, ``99.9 %``, never rounded up to all; empty before a replay."""
    if not flow.replayed:
        return ""
    return finite_share(flow.nonfinite, flow.shape)


def _chosen(network: Network, selected: str) -> set[int]:
    """Rows of the module, else of the one that it is inside of, else of those inside of it."""
    if not selected:
        return set()
    rows = [(place, path) for place, vertex in enumerate(network.vertices) for path in vertex.modules]
    same = {place for place, path in rows if path == selected}
    around = {place for place, path in rows if path and selected.startswith(path + ".")}
    return same or around or {place for place, path in rows if path.startswith(selected + ".")}


def _style(vertex: Vertex, chosen: bool) -> str:
    if vertex.born:
        return "error"
    return "strong" if chosen else "dim" if vertex.kind == "input" else ""
