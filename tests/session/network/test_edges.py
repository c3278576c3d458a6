"""Edges of networks that were written down by hand beforehand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dgmtui.session.network.making import Seen, network_of
from dgmtui.session.network.model import Network, told_once
from tests.trace.conftest import trace_iteration

Edges = set[tuple[str, str]]


def drawn(model: nn.Module, step: Callable[[], Tensor], *, depth: int | None = None, **inputs: Tensor) -> Network:
    return network_of(trace_iteration(model, step, **inputs).graph, Seen(), depth=depth)


def edges(network: Network) -> Edges:
    """By label; a later call of a module has its number."""
    names = [f"{v.label}#{v.index}" if v.index else v.label for v in network.vertices]
    return {(names[edge.tail], names[edge.head]) for edge in network.edges}


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.c(torch.cat([self.b(h), h], 0))


def test_a_skip_connection_is_an_edge() -> None:
    model, x = Skip(), torch.randn(2, 4)
    assert edges(drawn(model, lambda: model(x).sum(), x=x)) == {
        ("x", "a"), ("a", "b"), ("b", "cat"), ("a", "cat"), ("cat", "c"), ("c", "sum"),
    }  # fmt: skip


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.net(x) - self.net(y)).square()


def test_a_module_called_twice_is_two_vertices_with_an_input_each() -> None:
    model, x, y = Shared(), torch.randn(2, 4), torch.randn(2, 4)
    network = drawn(model, lambda: model(x, y).mean(), x=x, y=y)
    assert edges(network) == {
        ("x", "net"), ("y", "net#1"), ("net", "sub pow"), ("net#1", "sub pow"), ("sub pow", "mean"),
    }  # fmt: skip
    assert [vertex.loss for vertex in network.vertices].count(True) == 1


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head, self.gate = nn.GRU(4, 4), nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        outputs, last = self.rnn(x)
        return self.head(outputs).sum() + self.gate(last).sum()


def test_several_outputs_go_their_ways() -> None:
    model, x = Recurrent(), torch.randn(3, 2, 4)
    network = drawn(model, lambda: model(x), x=x)
    assert {("x", "rnn"), ("rnn", "head"), ("rnn", "gate")} <= edges(network)


class Sampling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mu, self.logvar, self.dec = (nn.Linear(4, 4) for _ in range(3))
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        mu, logvar = self.mu(x), self.logvar(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(self.drop(z))


def test_what_draws_at_random_is_told_apart_and_takes_no_values() -> None:
    model, x = Sampling(), torch.randn(2, 4)
    network = drawn(model, lambda: model(x).sum(), x=x)
    assert {v.label for v in network.vertices if v.random} == {"randn_like", "drop"}
    assert edges(network) == {
        ("x", "mu"), ("x", "logvar"), ("mu", "mul exp add"), ("logvar", "mul exp add"),
        ("randn_like", "mul exp add"), ("mul exp add", "drop"), ("drop", "dec"), ("dec", "sum"),
    }  # fmt: skip


class Writing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        y, z = self.a(x), self.b(x)
        y[:, 0] = z[:, 0]
        return self.c(y)


def test_what_is_written_into_a_part_reaches_readers_of_the_whole() -> None:
    model, x = Writing(), torch.randn(2, 4)
    found = edges(drawn(model, lambda: model(x).sum(), x=x))
    assert {("b", "copy"), ("copy", "c"), ("a", "c")} <= found


def test_turns_of_a_game_keep_real_and_fake_apart() -> None:
    g, d = nn.Sequential(nn.Linear(3, 4)), nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    both = nn.ModuleDict({"G": g, "D": d})
    noise, real = torch.randn(2, 3), torch.randn(2, 4)

    def step() -> Tensor:
        fake = g(noise)
        told = d(real)
        return told.mean() - d(fake.detach()).mean()

    assert edges(drawn(both, step, noise=noise, real=real, depth=0)) == {
        ("noise", "G"), ("real", "D"), ("G", "detach"), ("detach", "D#1"),
        ("D", "mean"), ("mean", "mean sub"), ("D#1", "mean sub"),
    }  # fmt: skip


def test_turns_that_are_alike_are_told_once_and_others_apart() -> None:
    net, x, y = nn.Linear(3, 4), torch.randn(2, 3), torch.randn(5, 3)
    few, many = drawn(net, lambda: net(x).sum(), x=x), drawn(net, lambda: net(x).sum(), x=y)
    turns = [replace(few, turn="1"), replace(many, turn="2"), replace(few, turn="3")]
    assert few != many, "batches of 2 and of 5 are not alike"
    assert [title for title, _ in told_once(turns)] == ["turns 1, 3", "turn 2"]
    assert told_once([few]) == [("", few)]


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(4), nn.Linear(4, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.relu(self.up(self.norm(x))))


class Stack(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.first, self.blocks = nn.Linear(4, 4), nn.ModuleList(Block() for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x


def stack(count: int = 6, **options: Any) -> Network:
    model, x = Stack(count), torch.randn(2, 4)
    seen = Seen(**{name: options.pop(name) for name in ("born", "bad", "replayed") if name in options})
    graph = trace_iteration(model, lambda: model(x).sum(), x=x).graph
    module = options.get("module", "")
    scope = next((call.id for call in graph.calls if call.module == module), -1) if module else -1
    return network_of(graph, seen, scope=scope, **options)


def test_blocks_that_repeat_are_drawn_once() -> None:
    network = stack()
    (block,) = (vertex for vertex in network.vertices if vertex.repeats > 1)
    assert (block.label, block.type, block.repeats) == ("blocks.0 … blocks.5", "Block", 6)
    assert block.modules == tuple(f"blocks.{i}" for i in range(6))
    assert edges(network) == {("x", "first"), ("first", block.label), (block.label, "sum")}


def test_a_block_where_it_went_wrong_stands_apart_and_is_opened() -> None:
    model, x = Stack(6), torch.randn(2, 4)
    graph = trace_iteration(model, lambda: model(x).sum(), x=x).graph
    call = next(call for call in graph.calls if call.module == "blocks.3.up")
    network = network_of(graph, Seen(born=call.end - 1, bad=frozenset(range(call.end - 1, len(graph.nodes)))))
    assert [v.label for v in network.vertices if v.born] == ["blocks.3.up"]
    assert {v.label for v in network.vertices if v.repeats > 1} == {"blocks.0 … blocks.2"}
    path = [v.label for v in network.vertices if v.on_path]
    assert path[0] == "x" and path[-1] == "blocks.3.up"


def test_all_folds_nothing_and_the_inside_of_one_shows_its_skip() -> None:
    assert all(vertex.repeats == 1 for vertex in stack(fold=False, depth=9).vertices)
    inside = stack(module="blocks.2")
    assert [v.label for v in inside.vertices] == [
        "blocks.1: aten.add", "blocks.2.norm", "blocks.2.up", "relu", "blocks.2.down", "add",
    ]  # fmt: skip
    assert {(edge.tail, edge.head) for edge in inside.edges} == {(0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (4, 5)}


def test_the_same_net_on_three_inputs_is_no_repetition() -> None:
    model, xs = nn.Linear(4, 4), {name: torch.randn(2, 4) for name in "abc"}
    network = drawn(model, lambda: sum(model(x).sum() for x in xs.values()), **xs)  # type: ignore[arg-type, return-value]
    assert [v.repeats for v in network.vertices if v.kind == "module"] == [1, 1, 1]


def test_every_edge_goes_down_and_every_vertex_but_the_loss_feeds_one() -> None:
    for network in (stack(), stack(fold=False, depth=9), stack(depth=0)):
        assert all(edge.tail < edge.head for edge in network.edges)
        assert {edge.tail for edge in network.edges} == {i for i, v in enumerate(network.vertices) if not v.loss}


def test_shapes_go_along_the_edges() -> None:
    model, x = Skip(), torch.randn(2, 4)
    network = drawn(model, lambda: model(x).sum(), x=x)
    names = [v.label for v in network.vertices]
    shapes = {(names[e.tail], names[e.head]): e.flow.shape for e in network.edges}
    assert shapes["a", "cat"] == (2, 4) and shapes["cat", "c"] == (4, 4)
    assert all(e.flow.dtype == "float32" and not e.flow.replayed for e in network.edges)
