"""Chains: from what failed to the sample, input and units that are to blame."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import chain, parse_target
from dgmtui.trace.birth import first_birth


class Vae(nn.Module):
    """Decoder with a learned variance, as in the paper's case."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.mu, self.logvar = nn.Linear(9, 8), nn.Linear(8, 4), nn.Linear(8, 4)
        self.dec, self.mean, self.var = nn.Linear(4, 8), nn.Linear(8, 9), nn.Linear(8, 9)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.enc(x))
        z = self.mu(h) + torch.randn(len(x), 4) * (0.5 * self.logvar(h)).exp()
        h = torch.tanh(self.dec(z))
        return self.mean(h), self.var(h)


def gaussian(model: nn.Module, x: Tensor) -> Tensor:
    mean, var = model(x)
    return ((x - mean) ** 2 / var.exp() + var).mean()


def test_a_planted_overflow_ends_at_its_sample_and_unit(run: Any) -> None:
    class Planted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.pool(F.relu(self.conv(x))).flatten(1)).exp()

    model = Planted()
    with torch.no_grad():
        model.conv.weight[2, 0, 1, 1] = 1.0
        model.head.weight[1] = 0.01
        model.head.weight[1, 2 * 16 + 5] = 1.0
    x = torch.rand(6, 1, 8, 8)
    x[4, 0, 2, 3] = 400.0
    replay = run(model, lambda m, x: m(x).mean(), x=x)
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert [(link.module, link.unit) for link in found.links] == [("head", 1), ("pool", 2), ("conv", 2), ("input:x", 0)]
    assert {link.sample for link in found.links} == {4}
    last = found.links[-1]
    assert (last.element, last.value) == ((4, 0, 2, 3), 400.0)
    assert found.links[0].share is None and all((link.share or 0) > 0.5 for link in found.links[1:])
    assert found.links[0].source is not None and "exp" in found.links[0].source.text
    for piece in ("head[1] of sample 4", "then exp = inf", "conv[2]", "sample 4 of x at [0, 2, 3] = 400", ".py:"):
        assert piece in found.sentence


def test_a_variance_that_underflows_is_followed_through_the_decoder(run: Any) -> None:
    torch.manual_seed(5)
    model = Vae()
    with torch.no_grad():
        model.var.weight[6].fill_(0.0)
        model.var.weight[6, 3] = 110.0
        model.dec.weight[3] = torch.tensor([-0.02, 0.0, 0.0, 0.0])
        for bias in (model.enc.bias, model.mu.bias, model.dec.bias, model.var.bias):
            bias.zero_()
        model.mu.weight[0], model.mu.weight[0, 5] = 0.0, 5.0
        model.enc.weight[5], model.enc.weight[5, 2] = 0.0, 1.0
    x = torch.zeros(7, 9)
    x[3, 2] = 50.0
    replay = run(model, gaussian, x=x)
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert [(link.module, link.unit) for link in found.links] == [
        ("var", 6), ("dec", 3), ("mu", 0), ("enc", 5), ("input:x", 2),
    ]  # fmt: skip
    assert {link.sample for link in found.links} == {3}


def test_a_chain_from_any_target(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    replay = run(model, lambda m, x: m(x).square().mean(), x=torch.randn(5, 3))
    found = chain(replay, parse_target("2[1]@2", replay.graph, replay))
    assert [link.module for link in found.links] == ["2", "1", "0", "input:x"]
    assert {link.sample for link in found.links} == {2}
    hidden, weight = replay.value(replay.graph.calls[1].outputs[0])[2].relu(), model[2].weight[1].detach()
    assert found.links[1].unit == int((hidden * weight).abs().argmax())
    assert found.links[1].share == pytest.approx(
        float((hidden * weight)[found.links[1].unit] / (hidden @ weight)), rel=1e-4
    )
    assert found.links[1].value == pytest.approx(float(hidden[found.links[1].unit]))


def test_where_the_bias_is_to_blame_the_sentence_says_so(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    with torch.no_grad():
        model[0].bias.fill_(95.0)
    replay = run(model, lambda m, x: m(x).exp().mean(), x=torch.randn(4, 3))
    birth = first_birth(replay)
    assert birth is not None
    assert "0[0] comes from parameters and constants" in chain(replay, birth).sentence


def test_a_chain_ends_where_nothing_is_handed_on(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    with torch.no_grad():
        model[0].bias.fill_(95.0)
    replay = run(model, lambda m, x: m(x).exp().mean(), x=torch.zeros(4, 3))
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert [link.module for link in found.links] == ["0"]
    assert "But 100 % of 0[0]" in found.sentence


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_nonfinite_input_is_the_whole_chain(run: Any, value: float) -> None:
    x = torch.randn(4, 3)
    x[2, 1] = value
    replay = run(nn.Linear(3, 2), lambda m, x: m(x).mean(), x=x)
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert [(link.module, link.sample, link.element) for link in found.links] == [("input:x", 2, (2, 1))]
    assert found.target is not None and found.target.alone and "no unit put it there" in found.sentence


def test_a_nonfinite_parameter_is_the_whole_chain(run: Any) -> None:
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight[1, 1] = math.nan
    replay = run(model, lambda m, x: m(x).mean(), x=torch.randn(4, 3))
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert found.links[0].module == "param:weight"
    assert "an earlier update" in found.sentence


def test_a_backward_birth_names_operation_value_and_sample(run: Any) -> None:
    class Distance(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            h = self.enc(x)
            return (h - h[:1]).square().sum(1).sqrt()

    replay = run(Distance(), lambda m, x: m(x).mean(), x=torch.randn(4, 3))
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "backward"
    found = chain(replay, birth)
    assert "sqrt (SqrtBackward0)" in found.sentence and " = 0, where" in found.sentence
    assert found.links[0].value == 0.0 and found.links[0].sample == 0
    assert "what it is made of (enc) is zero or cancels" in found.sentence


def test_a_backward_birth_from_terms_that_cancel_goes_on_to_the_input(run: Any) -> None:
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight[0] = torch.tensor([1.0, -0.5])
    x = torch.tensor([[1.0, 1.0], [2.0, 4.0], [3.0, 1.0]])
    replay = run(model, lambda m, x: m(x).sqrt().mean(), x=x)
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "backward"
    found = chain(replay, birth)
    assert [(link.module, link.sample) for link in found.links] == [("", 1), ("input:x", 1)]
    assert found.links[0].value == 0.0 and found.links[1].value in (2.0, 4.0)
    assert found.links[1].share is None


def test_a_model_without_modules(run: Any) -> None:
    weight = nn.Parameter(torch.tensor([[100.0], [0.0]]))
    model = nn.ParameterList([weight])
    replay = run(model, lambda m, x: (x @ m[0]).exp().mean(), x=torch.tensor([[0.1, 0.2], [0.9, 0.0]]))
    birth = first_birth(replay)
    assert birth is not None
    found = chain(replay, birth)
    assert found.links[0].module.startswith("node:")
    assert (found.links[-1].module, found.links[-1].sample, found.links[-1].unit) == ("input:x", 1, 0)
    assert "All of it came from sample 1 of x at [0] = 0.9" in found.sentence
