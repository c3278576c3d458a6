"""Contributions for people: rows that say the same of the same value are told once."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dgmtui.trace.graph import Graph, Ref

if TYPE_CHECKING:
    from dgmtui.credit import Contribution, Contributions

FOLDED = "containers, and modules that only pass a unit on, are left out"


def folded(rows: "Iterable[Contribution]", graph: Graph) -> "tuple[Contribution, ...]":
    """The rows, without those of containers whose output is their child's, and of modules that only pass a unit on.

    A ReLU's row goes where it equals, number by number, that of the layer which feeds it, as in a chain; a container's
    always does. Programs get all rows: this is for tables that people read.
    """
    found = list(rows)
    maker = _makers(graph)
    source = _sources(graph, maker)
    by_place = {row.key: row for row in found}

    def told_elsewhere(row: "Contribution") -> bool:
        made_by = maker.get(row.module, row.module)
        if made_by != row.module and (made_by, *row.key[1:]) in by_place:
            return True
        before = by_place.get((source.get(made_by, ""), *row.key[1:]))
        return before is not None and before is not row and _equal(before, row)

    return tuple(row for row in found if not told_elsewhere(row))


def share_of(made: "Contributions") -> "Callable[[float | None], float | None]":
    """What gives a forward contribution as its share of the target's value; None where that is zero or not finite."""
    whole = made.target.value

    def share(forward: float | None) -> float | None:
        if forward is None or not whole or not math.isfinite(whole) or not math.isfinite(forward):
            return None
        return forward / whole

    return share


def _makers(graph: Graph) -> dict[str, str]:
    """Module → the innermost one that made the very tensors that it gives out."""
    given: dict[str, list[Ref]] = {}
    for call in graph.calls:
        given.setdefault(call.module, []).extend(call.outputs)
    maker: dict[Ref, str] = {}
    for call in graph.calls:  # an inner call begins after the outer one; one that passes on makes nothing
        for ref in call.outputs:
            if ref not in call.inputs or ref not in maker:
                maker[ref] = call.module
    makers = {module: {maker[ref] for ref in refs} for module, refs in given.items()}
    return {module: next(iter(names)) for module, names in makers.items() if len(names) == 1}


def _sources(graph: Graph, maker: dict[str, str]) -> dict[str, str]:
    """Module → the module that made its only input, for those called once."""
    made = {ref: maker.get(call.module, call.module) for call in graph.calls for ref in call.outputs}
    calls: dict[str, list[tuple[Ref, ...]]] = {}
    for call in graph.calls:
        calls.setdefault(call.module, []).append(call.inputs)
    once = {module: inputs[0][0] for module, inputs in calls.items() if len(inputs) == 1 and len(inputs[0]) == 1}
    return {module: made[ref] for module, ref in once.items() if ref in made}


def _equal(a: "Contribution", b: "Contribution") -> bool:
    pairs = ((a.value, b.value), (a.forward, b.forward), (a.backward, b.backward))
    return all(x == y or (x is not None and y is not None and math.isclose(x, y, rel_tol=1e-6)) for x, y in pairs)
