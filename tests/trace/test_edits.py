"""Edits of traced iterations: what is put in moves nothing else, and what is changed is what PyTorch makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.errors import UsageError
from dgmtui.trace.edits import (
    ChangeOutput,
    DropSample,
    Edit,
    Iteration,
    Place,
    ReplaceOperation,
    SetTensor,
    edited,
    unary,
)
from dgmtui.trace.edits.inserting import Insertion
from dgmtui.trace.graph import Graph, Node, NodeRef, validate
from dgmtui.trace.replay import Replay
from dgmtui.trace.unary import UNARY, operation
from dgmtui.trace.verify import module_statistics, same_bits

Case = tuple[nn.Module, Callable[[], Tensor], dict[str, Tensor]]
B = 6


class Vae(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enc, self.mean, self.scale, self.dec = nn.Linear(5, 8), nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.enc(x).relu()
        z = self.mean(h) + torch.randn_like(self.mean(h)) * self.scale(h).exp()
        return F.mse_loss(self.dec(z), x)


def vae() -> Case:
    model, x = Vae(), torch.randn(B, 5)
    return model, lambda: model(x), {"x": x}


def cnn() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    x, y = torch.randn(B, 1, 8, 8), torch.randint(0, 3, (B,))
    return model, lambda: F.cross_entropy(model(x), y), {"x": x, "y": y}


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 7, num_layers=2), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(x)[0][-1])
        return out


def lstm() -> Case:
    model, x, y = LastStep(), torch.randn(5, B, 4), torch.randint(0, 3, (B,))
    return model, lambda: F.cross_entropy(model(x), y), {"x": x, "y": y}


def transformer() -> Case:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.randn(B, 4, 8)
    return model, lambda: model(x).square().mean(), {"x": x}


def in_place() -> Case:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)

    def step() -> Any:
        h = model(x)
        h.add_(1.5)
        h.view(-1).relu_()
        out = h * torch.tensor([1.0, 2.0, 3.0, 4.0])
        out[:, 0] = 2.0
        return out.sum()

    return model, step, {"x": x}


def flattened() -> Case:
    model, x, y = nn.Linear(5, 3), torch.randn(B, 4, 5), torch.randint(0, 3, (B, 4))

    def step() -> Any:
        targets = F.one_hot(y.view(-1), 3).float()
        return (model(x).reshape(B * 4, 3).softmax(-1) * targets).sum(1).reshape(B, 4).mean()

    return model, step, {"x": x, "y": y}


CASES = [vae, cnn, lstm, transformer, in_place, flattened]


def run(iteration: Iteration, like: Replay) -> Replay:
    replay = iteration.replay(like)
    replay.backward()
    return replay


def same(a: Replay, b: Replay) -> bool:
    return same_bits(a.loss, b.loss) and a.gradients.keys() == b.gradients.keys() and all(
        same_bits(a.gradients[name], b.gradients[name]) for name in a.gradients
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_an_identity_put_in_anywhere_changes_not_a_bit(case: Callable[[], Case], trace_once: Any) -> None:
    model, step, inputs = case()
    original = trace_once(model, step, **inputs).replay()
    original.backward()
    iteration = Iteration.of(original)
    paths = {call.module: None for call in original.graph.calls}
    seen = module_statistics(original, paths)
    for node in original.graph.nodes:
        for out in (out for out, meta in enumerate(node.outs) if meta is not None):
            at, ref = node.id + 1, NodeRef(node.id, out)
            identity = operation("aten.alias.default", (ref,), node, original.graph, at)
            more = iteration.inserted(Insertion(at, (identity,), {ref: NodeRef(at)}))
            validate(more.graph)
            assert Graph.from_json(more.graph.to_json()) == more.graph
            replay = run(more, original)
            assert same(replay, original), f"after node {node.id}, {node.op}"
            for path, row in module_statistics(replay, paths).items():
                assert (row == seen[path]).all()


def test_calls_grow_only_by_what_is_theirs(trace_once: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    x = torch.randn(2, 3)
    graph = trace_once(model, lambda: model(x).sum(), x=x).graph
    tanh = next(node for node in graph.nodes if node.name == "aten.tanh")
    at, ref = tanh.id + 1, NodeRef(tanh.id)
    new = operation("aten.alias.default", (ref,), tanh, graph, at)
    after = Iteration(graph, {}, {}, {}).inserted(Insertion(at, (new,), {ref: NodeRef(at)})).graph
    spans = {call.module: (call.begin, call.end) for call in graph.calls}
    moved = {call.module: (call.begin, call.end) for call in after.calls}
    root, first, act, last = (spans[path] for path in ("", "0", "1", "2"))
    assert moved == {
        "": (root[0], root[1] + 1), "0": first, "1": (act[0], act[1] + 1), "2": (last[0] + 1, last[1] + 1)
    }  # fmt: skip
    assert [call.outputs for call in after.calls if call.module == "1"] == [(NodeRef(at),)]
    assert [call.inputs for call in after.calls if call.module == "2"] == [(NodeRef(at),)]


def test_generator_states_stay_with_their_nodes(trace_once: Any) -> None:
    model, x = Vae(), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x), x=x)
    drawing = next(node.id for node in case.graph.nodes if node.random)
    states = {drawing: torch.Generator().manual_seed(7).get_state()}
    original = Replay(case.graph, case.feeds, rng_states=states)
    iteration = Iteration.of(original)
    node = case.graph.nodes[0]
    new = operation("aten.alias.default", (NodeRef(0),), node, case.graph, 1)
    replay = run(iteration.inserted(Insertion(1, (new,), {NodeRef(0): NodeRef(1)})), original)
    original.backward()
    assert same(replay, original)


def plain(model: nn.Module, step: Callable[[], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    loss = step()
    torch.autograd.backward(loss)
    return loss.detach(), {f"param:{n}": p.grad for n, p in model.named_parameters() if p.grad is not None}


def agrees(replay: Replay, truth: tuple[Tensor, dict[str, Tensor]]) -> bool:
    replay.backward()
    loss, gradients = truth
    pairs = [(replay.loss, loss), *((replay.gradients[name], gradients[name]) for name in gradients)]
    return all(torch.allclose(a, b, rtol=1e-6, atol=1e-7, equal_nan=True) for a, b in pairs)


def edit(case: Any, *edits: Edit) -> Replay:
    return edited(case.replay(), edits)[0]


class Activated(nn.Module):
    """A linear layer, an activation that can be another, in place or not, and one more."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.activation(self.first(x))).square().mean()
        return out


REPLACEMENTS: Sequence[tuple[str, tuple[float, ...], Callable[[Tensor], Tensor]]] = [
    ("softplus", (), F.softplus),
    ("softplus", (2,), lambda x: F.softplus(x, beta=2)),
    ("tanh", (), torch.tanh),
    ("identity", (), lambda x: x),
    ("clamp", (-0.2, 0.3), lambda x: x.clamp(-0.2, 0.3)),
    ("leaky_relu", (), F.leaky_relu),
    ("relu6", (), F.relu6),
    ("square", (), torch.square),
    ("elu", (0.5,), lambda x: F.elu(x, 0.5)),
    ("gelu", (), F.gelu),
]


@pytest.mark.parametrize(("name", "numbers", "function"), REPLACEMENTS)
@pytest.mark.parametrize("old", [torch.relu, lambda x: x.relu_(), torch.exp, lambda x: x.exp_()])
def test_what_is_put_in_is_what_pytorch_computes(
    name: str, numbers: tuple[float, ...], function: Any, old: Any, trace_once: Any
) -> None:
    x = torch.randn(B, 5)
    model = Activated(old)
    case = trace_once(model, lambda: model(x), x=x)
    word = "relu" if "relu" in str([node.op for node in case.graph.nodes]) else "exp"
    replay = edit(case, ReplaceOperation("", word, None, unary(name, numbers), 1.5, 0.01))
    model.activation = lambda h: function(h) * 1.5 + 0.01
    assert agrees(replay, plain(model, lambda: model(x)))


@pytest.mark.parametrize("name", sorted(set(UNARY) - {"clamp"}))
def test_every_operation_of_the_table_runs(name: str, trace_once: Any) -> None:
    x = torch.rand(B, 5)
    model = Activated(torch.exp)
    case = trace_once(model, lambda: model(x), x=x)
    edit(case, ReplaceOperation("", "aten.exp", "first", unary(name))).backward()


def test_a_module_names_its_own_operations_else_those_that_take_what_it_gives(trace_once: Any) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4), nn.ReLU()))
    x = torch.randn(B, 5)
    case = trace_once(model, lambda: model(x).relu().sum(), x=x)
    relus = [node.id for node in case.graph.nodes if node.name == "aten.relu"]

    def replaced(at: str | None) -> list[int]:
        edits = [ReplaceOperation("", "relu", at, unary("tanh"))]
        nodes = edited(case.replay(), edits)[0].graph.nodes
        return [node.id for node in nodes if node.name == "aten.tanh"]

    assert replaced(None) == relus
    assert replaced("1") == relus[:2]
    assert replaced("0") == relus[:1], "the linear layer runs none; the next module takes what it gives out"
    assert replaced("1.2") == relus[1:2]
    assert replaced(".") == relus[2:], "the code outside every module"
    assert replaced(f"node:{relus[1]}") == relus[1:2]


@pytest.mark.parametrize(
    ("old", "at", "said"),
    [
        ("sqrt", None, "no sqrt runs; what can be replaced there: relu"),
        ("relu", "2", "no relu runs at 2; what can be replaced there: nothing"),
        ("relu", "5", "no module '5' was called in this iteration; there are: 0, 1, 2"),
        ("relu", "node:99", "no node '99'"),
        ("addmm", None, "aten.addmm at node 1 is no element-wise operation of one floating tensor"),
    ],
)
def test_what_can_not_be_replaced_is_said(old: str, at: str | None, said: str, trace_once: Any) -> None:
    model, x = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1)), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x).sum(), x=x)
    with pytest.raises(UsageError) as raised:
        edit(case, ReplaceOperation("", old, at, unary("tanh")))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("matmul", (), "'matmul' can't be put in; what can is abs, atan"),
        ("clamp", (), "clamp takes 2 numbers, not 0, as in clamp(-10, 10)"),
        ("exp", (1,), "exp takes no numbers, not 1"),
    ],
)
def test_what_can_not_be_put_in_is_said(name: str, numbers: tuple[float, ...], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        unary(name, numbers)
    assert said in str(raised.value)


def fed(t: Tensor, *edits: tuple[tuple[Any, ...], str, Tensor | float]) -> Tensor:
    iteration = Iteration(Graph((), {}, (), NodeRef(0)), {"input:x": t}, {}, {})
    for indices, way, value in edits:
        iteration = SetTensor("", "input:x", indices, way, value).apply(iteration)
    return iteration.feeds["input:x"]


def test_what_is_set_keeps_its_dtype_and_what_was_fed() -> None:
    x = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    before = x.clone()
    assert torch.equal(fed(x, ((0,), "=", 1 / 3)), torch.tensor([[1 / 3] * 3, [3, 4, 5]], dtype=torch.float64))
    assert torch.equal(fed(x, ((1, slice(0, 2)), "*=", 2), ((), "-=", 1.0))[1], torch.tensor([5.0, 7, 4]).double())
    assert torch.equal(fed(x.half(), (((0, 1),), "/=", torch.tensor(4.0)))[0], torch.tensor([0, 0.25, 2]).half())
    assert fed(torch.tensor([3, 4]), ((0,), "+=", 2.0)).tolist() == [5, 4]
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("t", "way", "value", "said"),
    [
        (torch.tensor([1, 2]), "/=", 2.0, r"holds whole numbers \(int64\), the value does not"),
        (torch.tensor([1, 2]), "=", float("inf"), "holds whole numbers"),
        (torch.tensor([True]), "-=", torch.tensor([True]), "holds bool, which does not take -="),
        (torch.ones(2), "=", torch.ones(2, dtype=torch.complex64), "holds real numbers"),
        (torch.ones(2), "+=", torch.ones(3), "a value of shape 3 does not fit into input:x, of which 2 is set"),
    ],
)
def test_a_value_that_does_not_fit_is_said(t: Tensor, way: str, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fed(t, ((), way, value))


def changed_output(model: nn.Module, path: str, change: Callable[[Tensor], Tensor]) -> Any:
    def hook(module: nn.Module, args: Any, output: Any) -> Any:
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return model.get_submodule(path).register_forward_hook(hook)


def scaled_unit(axis: int, unit: int, factor: float) -> Callable[[Tensor], Tensor]:
    def change(t: Tensor) -> Tensor:
        factors = torch.ones(t.shape[axis])
        factors[unit] = factor
        shape = [1] * t.dim()
        shape[axis] = t.shape[axis]
        return t * factors.view(shape)

    return change


CHANGES: Sequence[tuple[Callable[[], Case], str, int | None, str, tuple[float, ...], Callable[[Tensor], Tensor]]] = [
    (cnn, "0", None, "aten.clamp.default", (-0.1, 0.2), lambda t: t.clamp(-0.1, 0.2)),
    (cnn, "2", None, "aten.mul.Tensor", (0.5,), lambda t: t * 0.5),
    (cnn, "1", 2, "aten.mul.Tensor", (0.0,), scaled_unit(1, 2, 0.0)),
    (cnn, "5", 1, "aten.mul.Tensor", (3.0,), scaled_unit(1, 1, 3.0)),
    (lstm, "lstm", None, "aten.mul.Tensor", (2.0,), lambda t: t * 2),
    (flattened, "", 2, "aten.mul.Tensor", (3.0,), scaled_unit(2, 2, 3.0)),
]


@pytest.mark.parametrize(("make", "path", "unit", "op", "numbers", "change"), CHANGES)
def test_an_output_is_changed_as_a_hook_would(
    make: Any, path: str, unit: int | None, op: str, numbers: Any, change: Any, trace_once: Any
) -> None:
    model, step, inputs = make()
    state = {name: t.clone() for name, t in model.state_dict().items()}
    case = trace_once(model, step, **inputs)
    replay = edit(case, ChangeOutput("", Place(None, path, unit), op, numbers))
    model.load_state_dict(state)
    handle = changed_output(model, path, change)
    assert agrees(replay, plain(model, step))
    handle.remove()


def test_a_node_is_changed_for_all_that_take_it(trace_once: Any) -> None:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x).exp().square().sum(), x=x)
    exp = next(node.id for node in case.graph.nodes if node.name == "aten.exp")
    replay = edit(case, ChangeOutput("", Place(exp), "aten.clamp.default", (0.5, 1.0)))
    assert agrees(replay, plain(model, lambda: model(x).exp().clamp(0.5, 1.0).square().sum()))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place(None, "nowhere"), "nowhere gave out no tensor in this iteration; these did: 0, 1"),
        (Place(None, "0", 4), "0 has units 0 to 3; not 4"),
        (Place(99), "no node 99; there are 0 to"),
    ],
)
def test_a_place_that_is_not_there_is_said(place: Place, said: str, trace_once: Any) -> None:
    model, x = nn.Sequential(nn.Linear(5, 4), nn.ReLU()), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x).sum(), x=x)
    with pytest.raises(UsageError) as raised:
        edit(case, ChangeOutput("", place, "aten.mul.Tensor", (2.0,)))
    assert said in str(raised.value)


def without(t: Tensor, row: int, axis: int) -> Tensor:
    return t.index_select(axis, torch.tensor([i for i in range(t.shape[axis]) if i != row]))


def square(row: int) -> tuple[Case, Callable[[], Tensor]]:
    """As many features as rows, heads, an expanded token and a state made of zeros: only one axis is the batch's."""
    model = nn.ModuleList([nn.Linear(B, 2 * B), nn.Linear(B, B, bias=False)])
    x, y = torch.randn(B, 4, B), torch.randn(B)

    def step(x: Tensor, y: Tensor) -> Tensor:
        token = model[1].weight[:1].expand(len(x), B).unsqueeze(1)
        both = model[0](torch.cat([token, x], 1)).view(len(x), 5, 2, B).transpose(1, 2).reshape(len(x) * 2, 5, B)
        state = torch.zeros(2, len(x), B)
        out = (both.bmm(both.transpose(1, 2)).softmax(-1) @ both).view(len(x), 2, 5, B).sum((1, 2))
        return ((out + state.sum(0)).mean(1) - y).square().mean()

    fewer = without(x, row, 0), without(y, row, 0)
    return (model, lambda: step(x, y), {"x": x, "y": y}), lambda: step(*fewer)


def shorter(name: str, row: int) -> tuple[Case, Callable[[], Tensor]]:
    """A case, and its step without one row of the batch."""
    if name == "cnn":
        model, step, inputs = cnn()
        x, y = (without(inputs[key], row, 0) for key in ("x", "y"))
        return (model, step, inputs), lambda: F.cross_entropy(model(x), y)
    if name == "lstm":
        model, step, inputs = lstm()
        x, y = without(inputs["x"], row, 1), without(inputs["y"], row, 0)
        return (model, step, inputs), lambda: F.cross_entropy(model(x), y)
    if name == "square":
        return square(row)
    model, step, inputs = flattened()
    x, y = (without(inputs[key], row, 0) for key in ("x", "y"))

    def fewer() -> Tensor:
        targets = F.one_hot(y.view(-1), 3).float()
        return (model(x).reshape(-1, 3).softmax(-1) * targets).sum(1).reshape(-1, 4).mean()

    return (model, step, inputs), fewer


@pytest.mark.parametrize("name", ["cnn", "lstm", "flattened", "square"])
@pytest.mark.parametrize("row", [0, 3, B - 1])
def test_a_row_is_taken_out(name: str, row: int, trace_once: Any) -> None:
    (model, step, inputs), fewer = shorter(name, row)
    case = trace_once(model, step, **inputs)
    replay, iteration = edited(case.replay(), [DropSample("", row)])
    assert iteration.said.replace("y, x", "x, y") == f"row {row} was taken out of x, y; {B - 1} rows are left"
    assert agrees(replay, plain(model, fewer))


def test_what_was_drawn_for_the_row_goes_with_it(trace_once: Any) -> None:
    model, x = Vae(), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x), x=x)
    original = case.replay()
    original.forward()
    ((key, noise),) = original.draws.items()
    replay, _ = edited(original, [DropSample("", 2)])
    kept = without(noise, 2, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn_like", lambda like: kept)
        truth = plain(model, lambda: model(without(x, 2, 0)))
    assert agrees(replay, truth)


def test_a_row_that_can_not_be_taken_out_becomes_a_copy(trace_once: Any) -> None:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)
    weights = torch.rand(B)
    case = trace_once(model, lambda: (model(x)[B - 1] * 2 + model(x).sum(0)).sum() + weights.sum(), x=x)
    replay, iteration = edited(case.replay(), [DropSample("", 2)])
    assert "row 2 can't be taken out" in iteration.said and "it is a copy of row 3 instead" in iteration.said
    again = x.clone()
    again[2] = again[3]
    assert torch.allclose(iteration.feeds["input:x"], again)
    replay.backward()


def test_a_bag_is_not_taken_out(trace_once: Any) -> None:
    model, words, offsets = nn.EmbeddingBag(20, 5), torch.randint(0, 20, (17,)), torch.arange(0, 17, 3)
    case = trace_once(model, lambda: model(words, offsets).sum(), words=words, offsets=offsets)
    with pytest.raises(UsageError, match="a sample is a bag of indices at node 0"):
        edit(case, DropSample("", 2))


@pytest.mark.parametrize("row", [B, 99])
def test_a_row_that_is_not_there_is_said(row: int, trace_once: Any) -> None:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)
    case = trace_once(model, lambda: model(x).sum(), x=x)
    with pytest.raises(UsageError, match=f"the batch has rows 0 to {B - 1}; not {row}"):
        edit(case, DropSample("", row))


def test_a_graph_that_names_what_is_not_there_is_refused(trace_once: Any) -> None:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)
    graph = trace_once(model, lambda: model(x).sum(), x=x).graph
    bad = replace(graph, nodes=(replace(graph.nodes[0], args=(NodeRef(5),)), *graph.nodes[1:]))
    assert isinstance(bad.nodes[0], Node)
    with pytest.raises(ValueError, match="does not exist"):
        validate(bad)
