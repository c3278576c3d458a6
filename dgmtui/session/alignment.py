"""Which layer of one network stands for which of another: by name, else by kind, order and relative depth."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

How: TypeAlias = Literal["name", "place"]
_NAMED = 100.0
"""What a pair of one name is worth: more than any number of pairs by place that it stands in the way of."""


@dataclass(frozen=True)
class Layer:
    """One module as alignment sees it."""

    path: str
    type: str
    """Class name."""


@dataclass(frozen=True)
class Pair:
    """Two layers that stand for each other, by their places in the two sequences."""

    a: int
    b: int
    how: How
    """``name``: of the same path. ``place``: of the same class, at about the same relative depth."""


def align(a: Sequence[Layer], b: Sequence[Layer]) -> tuple[Pair, ...]:
    """Pairs in ascending order on both sides: the order of layers is kept, so that none cross.

    Layers of the same path go together, of whatever class. A path that ends in a number is a place in a list rather
    than a name where the lists are of other lengths. Other layers go together where they are of one class, so that the
    sum of their closeness in relative depth among the layers of that class is greatest (a global alignment, Needleman
    and Wunsch 1970, without a cost for what is left out). Layers without a partner are in no pair.
    """
    begin = 0
    while begin < min(len(a), len(b)) and a[begin] == b[begin] and len(a) == len(b):
        begin += 1
    head = tuple(Pair(i, i, "name") for i in range(begin))
    rest = _aligned(a, b, begin)
    return head + rest


def _aligned(a: Sequence[Layer], b: Sequence[Layer], begin: int) -> tuple[Pair, ...]:
    names_a, names_b = _names(a, b), _names(b, a)
    common = names_a.keys() & names_b.keys()
    depth_a, depth_b = _depths(a), _depths(b)
    rows, columns = len(a), len(b)

    def worth(i: int, j: int) -> float:
        same = a[i].path == b[j].path
        if same and a[i].path in common:
            return _NAMED * (1 + min(rows, columns))
        if a[i].type != b[j].type or a[i].path in common or b[j].path in common:
            return 0.0
        return 1.0 - 0.9 * abs(depth_a[i] - depth_b[j])

    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, begin - 1, -1):
        after, here = best[i + 1], best[i]
        for j in range(columns - 1, begin - 1, -1):
            paired = worth(i, j)
            skipped = max(after[j], here[j + 1])
            here[j] = max(skipped, paired + after[j + 1]) if paired else skipped
    return tuple(_walk(a, b, best, worth, begin))


def _walk(
    a: Sequence[Layer], b: Sequence[Layer], best: list[list[float]], worth: Callable[[int, int], float], begin: int
) -> Iterator[Pair]:
    """The pairs that the best sum is made of; where either side may go on, what they hold decides, not their order."""
    i = j = begin
    while i < len(a) and j < len(b):
        paired = worth(i, j)
        if paired and paired + best[i + 1][j + 1] == best[i][j]:
            yield Pair(i, j, "name" if paired > 1 else "place")
            i, j = i + 1, j + 1
        elif best[i + 1][j] != best[i][j + 1]:
            i, j = (i + 1, j) if best[i + 1][j] > best[i][j + 1] else (i, j + 1)
        elif best[i + 1][j + 1] == best[i][j]:
            i, j = i + 1, j + 1
        else:
            i, j = (i + 1, j) if (a[i].path, a[i].type) > (b[j].path, b[j].type) else (i, j + 1)


def _names(of: Sequence[Layer], other: Sequence[Layer]) -> dict[str, int]:
    """Path → place of the layers whose path is a name in both networks."""
    sizes, others = _sizes(of), _sizes(other)

    def is_name(path: str) -> bool:
        parts = path.split(".")
        lists = [".".join(parts[:i]) for i, part in enumerate(parts) if part.isdigit()]
        return all(sizes[each] == others[each] for each in lists)

    return {layer.path: place for place, layer in enumerate(of) if is_name(layer.path)}


def _sizes(layers: Sequence[Layer]) -> Counter[str]:
    """List → how many numbered parts it has."""
    parts: set[tuple[str, str]] = set()
    for layer in layers:
        split = layer.path.split(".")
        parts |= {(".".join(split[:i]), part) for i, part in enumerate(split) if part.isdigit()}
    return Counter(container for container, _ in parts)


def _depths(layers: Sequence[Layer]) -> list[float]:
    """Of each layer its place among those of its class, from 0 (first) to 1 (last)."""
    counts = Counter(layer.type for layer in layers)
    seen: Counter[str] = Counter()
    depths = []
    for layer in layers:
        depths.append(seen[layer.type] / (counts[layer.type] - 1) if counts[layer.type] > 1 else 0.0)
        seen[layer.type] += 1
    return depths
