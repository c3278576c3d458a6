"""The edges of a graph as rails of characters: a vertex a row, a lane for what it gives until the last took it.

A rail that is passed over keeps its ``│``; one that is taken from has a junction: ``├─■`` takes from the left and
leaves the rail, ``■─╯`` takes from the right and ends it. Heavy rails are those on the marked path.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

LIGHT, HEAVY = 1, 2

GLYPHS = {
    ("input", False): "▷", ("input", True): "▷", ("module", False): "■", ("module", True): "●",
    ("function", False): "□", ("function", True): "○",
}  # fmt: skip
"""By kind and whether it draws at random: squares always give the same, circles do not."""
JUNCTIONS = {
    (1, 1, 0, 0): "│", (2, 2, 0, 0): "┃", (2, 1, 0, 0): "╿", (1, 2, 0, 0): "╽",
    (0, 0, 1, 1): "─", (0, 0, 2, 2): "━", (0, 0, 2, 1): "╾", (0, 0, 1, 2): "╼",
    (1, 1, 0, 1): "├", (1, 1, 0, 2): "┝", (2, 1, 0, 1): "┞", (2, 2, 0, 1): "┠", (2, 2, 0, 2): "┣", (2, 1, 0, 2): "┡",
    (1, 1, 1, 0): "┤", (1, 1, 2, 0): "┥", (2, 1, 1, 0): "┦", (2, 2, 1, 0): "┨", (2, 2, 2, 0): "┫", (2, 1, 2, 0): "┩",
    (1, 0, 0, 1): "╰", (1, 0, 0, 2): "┕", (2, 0, 0, 1): "┖", (2, 0, 0, 2): "┗",
    (1, 0, 1, 0): "╯", (1, 0, 2, 0): "┙", (2, 0, 1, 0): "┚", (2, 0, 2, 0): "┛",
    (1, 0, 1, 1): "┴", (1, 0, 2, 1): "┵", (1, 0, 1, 2): "┶", (1, 0, 2, 2): "┷",
    (2, 0, 1, 1): "┸", (2, 0, 2, 1): "┹", (2, 0, 1, 2): "┺", (2, 0, 2, 2): "┻",
    (1, 1, 1, 1): "┼", (1, 1, 2, 1): "┽", (1, 1, 1, 2): "┾", (1, 1, 2, 2): "┿",
    (2, 2, 1, 1): "╂", (2, 2, 2, 1): "╉", (2, 2, 1, 2): "╊", (2, 2, 2, 2): "╋",
    (2, 1, 1, 1): "╀", (2, 1, 2, 1): "╃", (2, 1, 1, 2): "╄", (2, 1, 2, 2): "╇",
}  # fmt: skip
"""Weights of the arms up, down, left and right → the character."""


@dataclass(frozen=True)
class Link:
    """An edge to draw."""

    tail: int
    head: int
    heavy: bool = False


@dataclass
class _Lane:
    """What one vertex gives, on its way down."""

    tail: int
    heads: list[int]
    """Rows that take it, in order."""
    heavy_until: int
    """The last row that a heavy edge goes to; -1: none does."""


@dataclass
class _Rails:
    lanes: list[_Lane | None] = field(default_factory=list)
    fresh: int = -1
    """The lane that the row before left free with a vertex in it: what stands right below would seem to take it."""


def rails(glyphs: Sequence[str], links: Sequence[Link]) -> list[str]:
    """One line a vertex, without trailing blanks.

    Args:
        glyphs: of each vertex, one character.
        links: from a vertex to a later one.
    """
    state = _Rails()
    takes: list[list[Link]] = [[] for _ in glyphs]
    gives: list[list[Link]] = [[] for _ in glyphs]
    for link in links:
        takes[link.head].append(link)
        gives[link.tail].append(link)
    return [_row(state, place, glyph, takes[place], gives[place]) for place, glyph in enumerate(glyphs)]


def _row(state: _Rails, place: int, glyph: str, takes: Sequence[Link], gives: Sequence[Link]) -> str:
    taken = {_lane_of(state, link.tail): link.heavy for link in takes}
    before = list(state.lanes)
    ending = [lane for lane in sorted(taken) if _at(before, lane).heads[-1] == place]
    mine = ending[0] if ending else _free(state)
    for lane in ending:
        state.lanes[lane] = None
    heads = sorted(link.head for link in gives)
    heavy_until = max((link.head for link in gives if link.heavy), default=-1)
    if mine == len(state.lanes):
        state.lanes.append(None)
        before.append(None)
    state.lanes[mine] = _Lane(place, heads, heavy_until) if heads else None
    state.fresh = -1 if heads else mine
    return _drawn(before, state.lanes, place, mine, glyph, taken)


def _drawn(
    before: Sequence[_Lane | None],
    after: Sequence[_Lane | None],
    place: int,
    mine: int,
    glyph: str,
    taken: dict[int, bool],
) -> str:
    cells = []
    for lane in range(len(before)):
        left, right = _reach(taken, mine, lane, lane - 1), _reach(taken, mine, lane, lane + 1)
        if lane == mine:
            cells.append(glyph)
        else:
            up = _weight(before[lane], place)
            down = _weight(after[lane], place + 1)
            arms = (up, down, left, right) if lane in taken or not up else (up, down, 0, 0)
            cells.append(JUNCTIONS.get(arms, " "))
        cells.append(JUNCTIONS.get((0, 0, right, right), " "))
    return "".join(cells).rstrip()


def _reach(taken: dict[int, bool], mine: int, lane: int, beside: int) -> int:
    """The weight of the level line between two neighbouring lanes."""
    low, high = min(lane, beside), max(lane, beside)
    over = [heavy for at, heavy in taken.items() if min(at, mine) <= low and high <= max(at, mine)]
    return HEAVY if any(over) else LIGHT if over else 0


def _weight(lane: _Lane | None, place: int) -> int:
    return 0 if lane is None else HEAVY if lane.heavy_until >= place else LIGHT


def _lane_of(state: _Rails, tail: int) -> int:
    return next(place for place, lane in enumerate(state.lanes) if lane is not None and lane.tail == tail)


def _at(lanes: Sequence[_Lane | None], place: int) -> _Lane:
    lane = lanes[place]
    assert lane is not None, "what is taken from stands in a lane"
    return lane


def _free(state: _Rails) -> int:
    free = (place for place, lane in enumerate(state.lanes) if lane is None and place != state.fresh)
    return next(free, len(state.lanes))
