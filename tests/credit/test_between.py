"""Relevance on whole inputs and between two layers: against the weights, autograd, and what ``credit`` says by unit."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import forward_contributions, parse_target
from dgmtui.credit.between import input_relevance, unit_flows
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Graph, Ref
from dgmtui.trace.replay import Replay

Run = Callable[..., Replay]


def step(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).square().mean()


def ref_of(graph: Graph, module: str) -> Ref:
    return next(call.outputs[0] for call in graph.calls if call.module == module)


class Skipping(nn.Module):
    """The last layer takes the first's output by two ways, and the input by a third."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x).relu()
        return self.last(self.second(first).relu() + first + x)


def test_between_linear_layers_it_is_weight_times_activation(run: Run) -> None:
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4, bias=False))
    replay = run(model, step, x=torch.randn(9, 5))
    groups = [(0, 2), (1,), (3,)]
    hidden = replay.value(ref_of(replay.graph, "1"))
    flows, totals = unit_flows(replay, ref_of(replay.graph, "1"), ref_of(replay.graph, "2"), groups)
    weight = model[2].weight.detach()
    wanted = torch.stack([(hidden @ weight[list(g)].T).sum() for g in groups])
    parts = torch.stack([(hidden * weight[list(g)].sum(0)).sum(0) for g in groups], 1)
    assert torch.allclose(totals.float(), wanted, rtol=1e-4, atol=1e-4)
    assert torch.allclose(flows.float(), parts, rtol=1e-3, atol=1e-3)


def test_a_group_is_the_sum_of_its_units_over_convolutions(run: Run) -> None:
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 4, 2))
    replay = run(model, step, x=torch.randn(3, 2, 9, 9))
    source, sink = ref_of(replay.graph, "1"), ref_of(replay.graph, "3")
    each, _ = unit_flows(replay, source, sink, [(unit,) for unit in range(4)])
    both, _ = unit_flows(replay, source, sink, [(0, 3), (1, 2)])
    assert torch.allclose(
        both, torch.stack([each[:, 0] + each[:, 3], each[:, 1] + each[:, 2]], 1), rtol=1e-4, atol=1e-5
    )
    for unit in range(4):
        made = forward_contributions(replay, parse_target(f"3[{unit}]", replay.graph, replay))
        by_unit = {row.unit: row.forward for row in made.rows if row.module == "1"}
        assert each[:, unit].tolist() == pytest.approx([by_unit[i] for i in range(5)], rel=1e-4, abs=1e-5)


def test_relevance_does_not_pass_the_layer_twice(run: Run) -> None:
    replay = run(Skipping(), step, x=torch.randn(8, 6))
    graph = replay.graph
    flows, totals = unit_flows(replay, ref_of(graph, "first"), ref_of(graph, "last"), [range(4)])
    made = forward_contributions(replay, parse_target("last", graph, replay))
    first = sum(row.forward or 0.0 for row in made.rows if row.module == "first")
    assert float(flows.sum()) == pytest.approx(first, rel=1e-4)
    assert float(totals[0]) == pytest.approx(made.target.value, rel=1e-5)
    assert abs(float(flows.sum()) - made.target.value) > 1e-3, "the rest came from the input and from biases"


def test_relevance_of_inputs_adds_up_to_their_rows(run: Run) -> None:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))
    replay = run(model, step, x=torch.randn(5, 2, 6, 6))
    target = parse_target("3[1]@2", replay.graph, replay)
    found = input_relevance(replay, target)["input:x"]
    assert found.shape == (5, 2, 6, 6)
    made = forward_contributions(replay, target)
    by_channel = {row.unit: row.forward for row in made.inputs}
    assert found.sum((0, 2, 3)).tolist() == pytest.approx([by_channel[0], by_channel[1]], rel=1e-4)
    assert not found[[0, 1, 3, 4]].any(), "the target is of sample 2"


def test_what_cannot_be_divided_up_is_refused(run: Run) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    replay = run(model, step, x=torch.full((2, 3), torch.inf), backward=False)
    first, last = ref_of(replay.graph, "0"), ref_of(replay.graph, "1")
    with pytest.raises(CreditError, match="non-finite"):
        unit_flows(replay, first, last, [(0,)])
    fine = run(model, step, x=torch.ones(2, 3))
    with pytest.raises(CreditError, match="nothing of 1 goes into 0"):
        unit_flows(fine, last, first, [(0,)])
