"""Rows that repeat another are told once; what is told is never changed."""

from dataclasses import replace

from dgmtui.credit import Contribution
from dgmtui.session.folding import folded
from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Outside, OutsideRef, TensorMeta

META = TensorMeta("float32", (4, 3), (3, 1), "cpu")
X, LINEAR, RELU = OutsideRef("input:x"), NodeRef(0), NodeRef(1)


def graph() -> Graph:
    """``net`` holds ``net.0``, a layer, ``net.1``, a ReLU, and ``net.2``, which gives out what it is given."""
    return Graph(
        nodes=(
            Node(0, "aten.addmm.default", (X,), {}, (META,), 1, None),
            Node(1, "aten.relu.default", (LINEAR,), {}, (META,), 2, None),
        ),
        outside={"input:x": Outside("input:x", "input", META)},
        calls=(
            Call(0, "net", "Sequential", 0, -1, (X,), (RELU,), True, 0, 2),
            Call(1, "net.0", "Linear", 0, 0, (X,), (LINEAR,), True, 0, 1),
            Call(2, "net.1", "ReLU", 0, 0, (LINEAR,), (RELU,), True, 1, 2),
            Call(3, "net.2", "Identity", 0, 0, (RELU,), (RELU,), True, 2, 2),
        ),
        loss=RELU,
    )


def row(module: str, value: float, forward: float | None, unit: int = 0) -> Contribution:
    return Contribution(module, unit, None, value, forward, None, approximate=False)


def test_a_container_and_what_passes_its_input_on_go_where_the_maker_is() -> None:
    rows = [row(module, 2.0, 1.5) for module in ("net", "net.0", "net.1", "net.2")]
    assert [r.module for r in folded(rows, graph())] == ["net.0"]


def test_a_module_that_changed_the_value_stays() -> None:
    rows = [row("net", 0.0, 0.0), row("net.0", -2.0, 0.0), row("net.1", 0.0, 0.0), row("net.2", 0.0, 0.0)]
    assert [r.module for r in folded(rows, graph())] == ["net.0", "net.1"]


def test_units_are_told_apart() -> None:
    rows = [row("net.0", 2.0, 1.5, unit=0), row("net.1", 2.0, 1.5, unit=1)]
    assert folded(rows, graph()) == tuple(rows)


def test_a_container_whose_child_has_no_row_stays() -> None:
    rows = [row("net", 2.0, 1.5)]
    assert folded(rows, graph()) == tuple(rows)


def test_a_module_called_twice_with_other_tensors_stays() -> None:
    calls = graph().calls
    again = replace(calls[2], id=4, index=1, inputs=(RELU,), outputs=(NodeRef(2),))
    node = Node(2, "aten.relu.default", (RELU,), {}, (META,), 4, None)
    twice = replace(graph(), nodes=(*graph().nodes, node), calls=(*calls, again))
    rows = [row("net.0", 2.0, 1.5), row("net.1", 2.0, 1.5)]
    assert folded(rows, twice) == tuple(rows)
