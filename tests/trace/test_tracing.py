"""What the tracer writes down, and what a replay remembers of values that are overwritten."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.errors import RecordingError, ReplayError
from dgmtui.recording.model import Match
from dgmtui.trace.graph import Constant, Graph, NodeRef, OutsideRef
from dgmtui.trace.progress import Cancelled, Progress
from dgmtui.trace.replay import Replay
from dgmtui.trace.statistics import statistics_of
from dgmtui.trace.tracer import Tracer
from dgmtui.trace.verify import same_bits, verify


@pytest.fixture
def layer() -> nn.Linear:
    return nn.Linear(3, 3)


def test_nodes_say_where_they_come_from(trace_once: Any, layer: nn.Linear) -> None:
    model, x = nn.Sequential(layer, nn.ReLU()), torch.randn(2, 3)

    def step() -> Any:
        return model(x).exp().sum()  # the user's line

    graph = trace_once(model, step, x=x).graph
    nodes = {node.name: node for node in graph.nodes}
    assert [graph.module_of(nodes[op]) for op in ("aten.addmm", "aten.relu", "aten.exp")] == ["0", "1", ""]
    source = nodes["aten.exp"].source
    assert source is not None
    assert source.file.endswith("test_tracing.py")
    assert source.text == "return model(x).exp().sum()  # the user's line"
    assert source == nodes["aten.addmm"].source
    assert [(call.module, call.type, call.parent) for call in graph.calls] == [
        ("", "Sequential", -1),
        ("0", "Linear", 0),
        ("1", "ReLU", 0),
    ]
    assert graph.calls[0].inputs == (OutsideRef("input:x"),)
    assert graph.calls[1].outputs == graph.calls[2].inputs == (NodeRef(nodes["aten.addmm"].id),)


def test_what_cannot_reach_the_loss_is_pruned_but_draws_and_buffers_stay(trace_once: Any) -> None:
    model, x = nn.BatchNorm1d(3), torch.randn(4, 3)

    def step() -> Any:
        x.cos().sum()
        torch.rand(2)
        return model(x).sum()

    case = trace_once(model, step, x=x)
    names = [node.name for node in case.graph.nodes]
    assert "aten.cos" not in names
    assert "aten.rand" in names
    counter = next(node for node in case.graph.nodes if node.name == "aten.add_")
    assert counter.mutates == (OutsideRef("buffer:num_batches_tracked"),)
    norm = next(node for node in case.graph.nodes if "batch_norm" in node.name)
    assert set(norm.mutates) == {OutsideRef("buffer:running_mean"), OutsideRef("buffer:running_var")}


def test_values_are_as_they_were_then(trace_once: Any, layer: nn.Linear) -> None:
    x = torch.randn(2, 3)
    seen = []

    def step() -> Any:
        h = layer(x)
        seen.append(h.detach().clone())
        h.mul_(2)
        seen.append(h.detach().clone())
        h[:, 0] = 7
        seen.append(h.detach().clone())
        return h.sum()

    replay = trace_once(layer, step, x=x).replay()
    replay.forward()
    named = {node.name: node for node in replay.graph.nodes}
    product, doubled, total = (named[f"aten.{op}"] for op in ("addmm", "mul_", "sum"))
    assert torch.equal(replay.value(NodeRef(product.id)), seen[0])
    assert torch.equal(replay.value(NodeRef(doubled.id)), seen[1])
    assert torch.equal(replay.value(NodeRef(doubled.id), at=total.id), seen[2])


def test_outputs_changed_within_their_module(trace_once: Any) -> None:
    class Overwriting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            y[:, 0] = 5
            return y

    model = nn.Sequential(nn.Linear(3, 3), Overwriting())
    x = torch.randn(2, 3)
    case = trace_once(model, lambda: model(x).relu_().sum(), x=x)
    verdict = verify(case.replay(), loss=case.loss, statistics=case.statistics, gradients=case.gradients)
    assert verdict.forward is Match.MATCHES, verdict.detail


def test_a_wrong_replay_is_named(trace_once: Any, layer: nn.Linear) -> None:
    x = torch.randn(2, 3)
    case = trace_once(layer, lambda: layer(x).exp().sum(), x=x)
    other = Replay(case.graph, {**case.feeds, "input:x": x + 1})
    verdict = verify(other, loss=case.loss, statistics=case.statistics, gradients=case.gradients)
    assert (verdict.forward, verdict.gradient) == (Match.DIFFERS, Match.DIFFERS)
    assert verdict.detail.startswith("the loss differs: ")
    same_loss = verify(case.replay(), loss=case.loss, statistics={"": case.statistics[""] + 1}, gradients=None)
    assert (same_loss.forward, same_loss.gradient) == (Match.DIFFERS, Match.NOT_MADE)
    assert "its min is" in same_loss.detail


def test_a_custom_function_is_refused_for_gradients_only(trace_once: Any, layer: nn.Linear) -> None:
    class StraightThrough(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.sign()

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0]

    x = torch.randn(2, 3)
    apply: Any = StraightThrough.apply
    case = trace_once(layer, lambda: apply(layer(x)).sum(), x=x)
    verdict = verify(case.replay(), loss=case.loss, statistics=case.statistics, gradients=case.gradients)
    assert (verdict.forward, verdict.gradient) == (Match.MATCHES, Match.DIFFERS)
    assert "autograd.Function" in verdict.detail


def test_two_nans_are_one_and_two_zeros_are_two() -> None:
    nan = torch.tensor([float("nan"), 1.0])
    assert same_bits(nan, (nan.view(torch.int32) + torch.tensor([1, 0], dtype=torch.int32)).view(torch.float32))
    assert not same_bits(nan, torch.tensor([float("nan"), 2.0]))
    assert not same_bits(torch.tensor([0.0]), torch.tensor([-0.0]))
    assert not same_bits(torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64))


def test_measuring_while_paused_is_not_traced() -> None:
    weight = torch.randn(3, requires_grad=True)
    with Tracer() as tracer:
        loss = weight.exp().sum()
        with tracer.paused():
            statistics_of(loss)
    graph = tracer.finish(loss, lambda t: None).graph
    assert [node.name for node in graph.nodes] == ["aten.exp", "aten.sum"]


def test_unnamed_tensors_are_told_with_their_uses() -> None:
    weight, other = torch.randn(3, requires_grad=True), torch.randn(3)
    with Tracer() as tracer:
        loss = (weight * other).sum()
    traced = tracer.finish(loss, lambda t: None)
    assert [found.tensor is t for found, t in zip(traced.unnamed, (weight, other), strict=True)] == [True, True]
    assert traced.unnamed[1].uses[0].startswith("aten.mul at ")
    assert [t is weight or t is other for t in tracer.outside_tensors()] == [True, True]


def test_a_loss_from_elsewhere_is_refused() -> None:
    with Tracer() as tracer:
        torch.ones(2).sum()
    with pytest.raises(ReplayError, match="not computed while"):
        tracer.finish(torch.tensor(1.0), lambda t: None)


def test_operations_of_other_libraries_are_refused_and_still_run() -> None:
    with torch.library._scoped_library("traced_test", "DEF") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")
        with Tracer() as tracer:
            loss = torch.ops.traced_test.twice(torch.ones(2)).sum()
    assert float(loss) == 4
    assert "traced_test.twice" in tracer.finish(loss, lambda t: None).refused


def test_literals(trace_once: Any, layer: nn.Linear) -> None:
    x = torch.randn(2, 3)
    case = trace_once(layer, lambda: (layer(x) * torch.tensor(2.5) + torch.tensor([1.0, 2.0, 3.0])).sum(), x=x)
    full = next(node for node in case.graph.nodes if node.name == "aten.full")
    assert full.args == ((), 2.5)
    assert full.kwargs["dtype"] == Constant("dtype", "float32")
    assert case.traced.literals["input:literal0"].tolist() == [1.0, 2.0, 3.0]


def test_partial_and_cancelled_replays(trace_once: Any, layer: nn.Linear) -> None:
    x = torch.randn(2, 3)
    replay = trace_once(layer, lambda: layer(x).exp().sum(), x=x).replay()
    replay.forward(to=1)
    told = []
    progress = Progress(lambda done, text: told.append((done, text)))
    progress.cancel()
    with pytest.raises(Cancelled):
        replay.forward(progress=progress)
    replay.forward(progress=Progress(lambda done, text: told.append((done, text))))
    assert told[0][0] == pytest.approx(0.5)
    assert told[0][1] == "replaying aten.exp"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text.replace('"version":1', '"version":99'),
        lambda text: text.replace('{"n":1}', '{"n":77}'),
        lambda text: text.replace('{"x":"param:weight"}', '{"x":"nobody"}'),
        lambda text: text.replace('"call":0', '"call":9'),
        lambda text: "[]",
    ],
)
def test_damaged_json_is_one_error(trace_once: Any, layer: nn.Linear, damage: Any) -> None:
    x = torch.randn(2, 3)
    text = trace_once(layer, lambda: layer(x).exp().sum(), x=x).graph.to_json()
    assert damage(text) != text
    with pytest.raises(RecordingError):
        Graph.from_json(damage(text))
