"""Layers of two networks: what is promised of any two, and what one would say of some by eye."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.session.alignment import Layer, align

TYPES = ("Conv2d", "ReLU", "Linear")
PATHS = st.sampled_from([f"{name}{i}" for name in ("conv", "fc") for i in range(4)] + [f"net.{i}" for i in range(6)])
NETWORKS = st.lists(st.builds(Layer, PATHS, st.sampled_from(TYPES)), max_size=7, unique_by=lambda layer: layer.path)


@given(NETWORKS)
def test_a_network_is_aligned_with_itself_layer_by_layer(network: list[Layer]) -> None:
    assert [(pair.a, pair.b, pair.how) for pair in align(network, network)] == [
        (i, i, "name") for i in range(len(network))
    ]


@settings(max_examples=300)
@given(NETWORKS, NETWORKS)
def test_alignment_is_symmetric_and_keeps_the_order(a: list[Layer], b: list[Layer]) -> None:
    pairs = align(a, b)
    assert [(pair.b, pair.a, pair.how) for pair in align(b, a)] == [(pair.a, pair.b, pair.how) for pair in pairs]
    for first, second in combinations(pairs, 2):
        assert first.a < second.a and first.b < second.b
    for pair in pairs:
        assert a[pair.a].path == b[pair.b].path if pair.how == "name" else a[pair.a].type == b[pair.b].type


@given(NETWORKS, st.lists(st.sampled_from(TYPES), max_size=4), st.data())
def test_inserted_layers_disturb_no_name(network: list[Layer], inserted: list[str], data: st.DataObject) -> None:
    named = [layer for layer in network if not layer.path.startswith("net.")]
    longer = list(named)
    for number, kind in enumerate(inserted):
        longer.insert(data.draw(st.integers(0, len(longer))), Layer(f"new_{number}x", kind))
    pairs = align(named, longer)
    assert [(named[p.a], longer[p.b]) for p in pairs] == [(layer, layer) for layer in named]


def mlp(depth: int) -> list[Layer]:
    return [Layer(str(i), "ReLU" if i % 2 else "Linear") for i in range(2 * depth - 1)]


def test_first_and_last_layers_of_other_depths_go_together() -> None:
    pairs = {(p.a, p.b) for p in align(mlp(2), mlp(4)) if mlp(2)[p.a].type == "Linear"}
    assert pairs == {(0, 0), (2, 6)}


def test_other_names_go_by_kind_and_order() -> None:
    a = [Layer("conv1", "Conv2d"), Layer("conv2", "Conv2d"), Layer("out", "Linear")]
    b = [Layer("stem", "Conv2d"), Layer("mid", "Conv2d"), Layer("deep", "Conv2d"), Layer("head", "Linear")]
    assert [(p.a, p.b, p.how) for p in align(a, b)] == [(0, 0, "place"), (1, 2, "place"), (2, 3, "place")]


def test_one_name_of_another_class_is_one_layer() -> None:
    (pair,) = align([Layer("bn1", "Identity")], [Layer("bn1", "BatchNorm2d")])
    assert pair.how == "name"
