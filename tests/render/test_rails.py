"""Rails are read back, character by character: what they connect is what they were given."""

import random

import pytest

from dgmtui.render.plain import plain
from dgmtui.render.rails import JUNCTIONS, Link, rails

ARMS = {character: arms for arms, character in JUNCTIONS.items()}
"""Character → weights of its arms up, down, left and right."""
UP, DOWN, LEFT, RIGHT = range(4)
NODE = "■"


def cell(lines: list[str], row: int, column: int) -> str:
    line = lines[row] if 0 <= row < len(lines) else ""
    return line[column] if 0 <= column < len(line) else " "


def edges_of(lines: list[str]) -> dict[tuple[int, int], set[int]]:
    """Edges that a person would read, with the weights of what they are drawn by."""
    found: dict[tuple[int, int], set[int]] = {}
    for tail, line in enumerate(lines):
        row, column, weights = tail + 1, line.index(NODE), set[int]()
        while True:
            mark = cell(lines, row, column)
            if mark == NODE:
                if _comes_from_above(lines, row, column):
                    found[tail, row] = set(weights)
                break
            arms = ARMS.get(mark)
            if arms is None or not arms[UP]:
                break
            weights.add(arms[UP])
            if arms[LEFT] or arms[RIGHT]:
                head = row
                assert NODE in lines[head], lines
                found[tail, head] = set(weights) | {_towards(lines[head], column)}
            if not arms[DOWN]:
                break
            row += 1
    return found


def _comes_from_above(lines: list[str], row: int, column: int) -> bool:
    above = cell(lines, row - 1, column)
    return above == NODE or bool(ARMS.get(above, (0, 0, 0, 0))[DOWN])


def _towards(line: str, column: int) -> int:
    """The weight of the level rail that leads to the vertex; every cell of it leads on."""
    node = line.index(NODE)
    step = 1 if node > column else -1
    weight = ARMS[line[column]][RIGHT if step > 0 else LEFT]
    for place in range(column + step, node, step):
        arms = ARMS[line[place]]
        level, passed_over = arms[LEFT] or arms[RIGHT], arms[UP] and arms[DOWN] and not (arms[LEFT] or arms[RIGHT])
        assert level or passed_over, f"{line!r} is broken at {place}"
    assert weight, line
    return weight


def graph(seed: int, size: int, forks: int) -> list[Link]:
    """A graph in which every vertex but the first takes from one to ``forks`` earlier ones, near ones rather."""
    dice = random.Random(seed)
    links: dict[tuple[int, int], Link] = {}
    for head in range(1, size):
        for _ in range(dice.randint(0 if dice.random() < 0.15 else 1, forks)):
            tail = max(0, head - 1 - int(dice.expovariate(0.4)))
            links[tail, head] = Link(tail, head)
    return list(links.values())


@pytest.mark.parametrize("seed", range(60))
def test_every_edge_drawn_connects_its_two_vertices_and_no_others(seed: int) -> None:
    links = graph(seed, 24, 1 + seed % 4)
    lines = rails([NODE] * 24, links)
    assert set(edges_of(lines)) == {(link.tail, link.head) for link in links}, "\n".join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_the_marked_path_is_heavy_all_along(seed: int) -> None:
    links = graph(seed, 16, 3)
    at, path = 15, set()
    while before := [link for link in links if link.head == at]:
        at = before[-1].tail
        path.add((at, before[-1].head))
    lines = rails([NODE] * 16, [Link(link.tail, link.head, (link.tail, link.head) in path) for link in links])
    found = edges_of(lines)
    assert all(found[edge] <= {2} for edge in path), "\n".join(lines)


def test_a_skip_reads_as_in_a_log() -> None:
    lines = rails("▷■■□■", [Link(0, 1), Link(1, 2), Link(2, 3), Link(1, 3), Link(3, 4)])
    assert lines == ["▷", "■", "├─■", "□─╯", "■"]


def test_a_rail_that_is_passed_over_is_not_taken_from() -> None:
    lines = rails("abcd", [Link(0, 3), Link(1, 2), Link(1, 3), Link(0, 2), Link(2, 3)])
    assert set(edges_of(rails([NODE] * 4, [Link(0, 3), Link(1, 2), Link(1, 3), Link(0, 2), Link(2, 3)]))) == {
        (0, 3), (1, 2), (1, 3), (0, 2), (2, 3),
    }  # fmt: skip
    assert len(lines) == 4


def test_one_that_nothing_takes_does_not_seem_to_feed_what_stands_below() -> None:
    assert rails("ab", []) == ["a", "  b"]


def test_in_ascii_rails_keep_their_columns_and_vertices_are_told_apart() -> None:
    drawn = [plain(line) for line in rails("▷■□●○", [Link(0, 1), Link(1, 2, heavy=True), Link(0, 2), Link(2, 3)])]
    assert drawn == ["@", "+-#", "=-+", "*", "  o"]
