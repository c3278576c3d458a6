"""The user's source with what ran in each line: as pdb's ``list``, for one iteration."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.network.flows import QUIET, short
from dgmtui.trace.graph import Graph, Node, Source

if TYPE_CHECKING:
    from dgmtui.session.session import Session

AROUND = 5
"""Lines before and after."""


@dataclass(frozen=True)
class ListedLine:
    """One line of source."""

    number: int
    text: str
    nodes: tuple[Node, ...]
    """That it ran in this iteration, in order."""
    here: bool
    """The node that is looked at is among them."""


@dataclass(frozen=True)
class Listing:
    """A part of a source file."""

    file: str
    function: str
    lines: tuple[ListedLine, ...]
    whole: bool
    """Read from the file; else only the lines that ran operations are known, from the recording."""
    note: str = ""
    """Why it could not be read, or what of it has changed since."""


def listing(session: "Session", node: int, around: int = AROUND) -> Listing:
    """The source around where a node was run. The file is read as text and never run.

    Raises:
        UsageError: the node has no source line.
    """
    graph = session.graph
    assert graph is not None, "there is a node of it"
    source = graph.nodes[node].source
    if source is None:
        raise UsageError(f"no line of your code is known to have run node {node}; `inputs {node}` shows what feeds it")
    ran = _by_line(graph, source.file)
    texts, whole, note = _texts(session, source, ran)
    wanted = range(source.line - around, source.line + around + 1)
    if not whole:
        near = sorted(ran, key=lambda number: abs(number - source.line))[: 2 * around + 1]
        wanted = range(min(near), max(near) + 1)
    lines = tuple(
        ListedLine(number, texts[number], tuple(ran.get(number, ())), number == source.line)
        for number in wanted
        if number in texts
    )
    return Listing(source.file, source.function, lines, whole, note)


def _by_line(graph: Graph, file: str) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in graph.nodes:
        if node.source is not None and node.source.file == file:
            found.setdefault(node.source.line, []).append(node)
    return found


def _texts(session: "Session", source: Source, ran: dict[int, list[Node]]) -> tuple[dict[int, str], bool, str]:
    """Lines by number, of the file where it is as it was, else those that the recording holds; which, and a note."""
    from dgmtui.session.patch.files import Codes

    codes = Codes(session.recording.info.directory)
    recorded = {number: each for number, nodes in sorted(ran.items()) if (each := nodes[0].source) is not None}
    kept = {number: _plain(each.text) for number, each in recorded.items()}
    whole = codes.of(source)
    if not whole.whole:
        why = f"{source.file} is not there, or its line {source.line} has changed since"
        return kept, False, f"{why}: only the lines that ran something are known, from the recording"
    texts = {number: _plain(line) for number, line in enumerate(whole.original, start=1)}
    changed = {number: kept[number] for number, each in recorded.items() if not codes.of(each).whole}
    note = (
        f"changed since it was recorded, shown as it was then: line {', '.join(map(str, changed))}" if changed else ""
    )
    return texts | changed, True, note


def _plain(line: str) -> str:
    """Without what a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in line.rstrip("\r\n").expandtabs(4))


def last_telling(nodes: tuple[Node, ...]) -> Node:
    """Of the nodes of a line the last that computed something."""
    return next((node for node in reversed(nodes) if short(node) not in QUIET), nodes[-1])
