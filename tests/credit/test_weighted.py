"""LRP-γ, LRP-αβ, z⁺ and composite against their papers' equations, term by term, and against captum."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LRP, DeepLift, InputXGradient
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
from numpy.typing import NDArray
from torch import Tensor, nn

from dgmtui.credit import Propagation
from dgmtui.credit.sweep import Ledger, Reader, Sweep
from dgmtui.errors import UsageError

TINY = 1e-9
Array = NDArray[np.float64]
Shares = Callable[[list[float], float], list[float]]


def passed(run: Any, model: nn.Module, relevance: Tensor, propagation: Propagation, **inputs: Tensor) -> Ledger:
    replay = run(model, lambda model, **given: model(*given.values()).sum(), backward=False, **inputs)
    output = next(call for call in replay.graph.calls if call.parent < 0).outputs[0]
    return Sweep(Reader(replay), propagation).run({output: relevance}, lambda *_: False)


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def gamma_shares(gamma: float) -> Shares:
    """Montavon et al. 2019, table 10.1, with the sum's sign deciding which terms are favoured."""

    def shares(terms: list[float], r: float) -> list[float]:
        z = sum(terms)
        favoured = [t + gamma * (max(t, 0.0) if z >= 0 else min(t, 0.0)) for t in terms]
        divisor = sum(favoured) + (TINY if z >= 0 else -TINY)
        return [t / divisor * r for t in favoured]

    return shares


def alpha_beta_shares(alpha: float, beta: float) -> Shares:
    """Bach et al. 2015, eq. 60; one side takes all where the other is empty."""

    def shares(terms: list[float], r: float) -> list[float]:
        up, down = sum(t for t in terms if t > 0), sum(t for t in terms if t < 0)
        a, b = (alpha, -beta) if up and down else (1.0, 1.0)
        return [(a * t / up if t > 0 else b * t / down if t < 0 else 0.0) * r for t in terms]

    return shares


def epsilon_shares(terms: list[float], r: float) -> list[float]:
    z = sum(terms)
    return [t / (z + (TINY if z >= 0 else -TINY)) * r for t in terms]


def dense_oracle(x: Array, w: Array, b: Array, r: Array, shares: Shares) -> tuple[Array, float]:
    out, bias = np.zeros_like(x), 0.0
    for n, j in itertools.product(range(len(x)), range(len(w))):
        *inputs, last = shares([*(x[n] * w[j]), b[j]], r[n, j])
        out[n] += inputs
        bias += last
    return out, bias


def convolution_oracle(x: Array, w: Array, b: Array, r: Array, shares: Shares) -> tuple[Array, float]:
    """Stride 1, no padding."""
    out, bias = np.zeros_like(x), 0.0
    high, wide = w.shape[2:]
    for n, j, row, col in np.ndindex(*r.shape):
        window = np.s_[n, :, row : row + high, col : col + wide]
        *inputs, last = shares([*(x[window] * w[j]).ravel(), b[j]], r[n, j, row, col])
        out[window] += np.reshape(inputs, w[j].shape)
        bias += last
    return out, bias


RULES = [
    (Propagation("epsilon", TINY), epsilon_shares, epsilon_shares),
    (Propagation("gamma", TINY), gamma_shares(0.25), gamma_shares(0.25)),
    (Propagation("gamma", TINY, gamma=3), gamma_shares(3), gamma_shares(3)),
    (Propagation("alphabeta", TINY), alpha_beta_shares(2, 1), alpha_beta_shares(2, 1)),
    (Propagation("alphabeta", TINY, alpha=1, beta=0), alpha_beta_shares(1, 0), alpha_beta_shares(1, 0)),
    (Propagation("composite", TINY), epsilon_shares, alpha_beta_shares(1, 0)),
]
NAMES = ["epsilon", "gamma", "gamma 3", "alphabeta", "z plus", "composite"]


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(("propagation", "dense", "_"), RULES, ids=NAMES)
def test_a_dense_layer(run: Any, propagation: Propagation, dense: Shares, _: Shares, positive: bool) -> None:
    model = nn.Linear(4, 3).double()
    x, r = double(5, 4), double(5, 3)
    x = x.abs() if positive else x
    ledger = passed(run, model, r, propagation, x=x)
    w, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    relevance, bias = dense_oracle(x.numpy(), w, b, r.numpy(), dense)
    np.testing.assert_allclose(ledger.arrived["input:x"], relevance, rtol=1e-7, atol=1e-12)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-7)
    assert relevance.sum() + bias == pytest.approx(float(r.sum()), rel=1e-6)


@pytest.mark.parametrize(("propagation", "_", "convolution"), RULES, ids=NAMES)
def test_a_convolution(run: Any, propagation: Propagation, _: Shares, convolution: Shares) -> None:
    model = nn.Conv2d(2, 3, 2).double()
    x = double(2, 2, 4, 3)
    r = torch.randn_like(model(x)).detach()
    ledger = passed(run, model, r, propagation, x=x)
    w, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    relevance, bias = convolution_oracle(x.numpy(), w, b, r.numpy(), convolution)
    np.testing.assert_allclose(ledger.arrived["input:x"], relevance, rtol=1e-6, atol=1e-10)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-6)


@pytest.mark.parametrize(
    ("propagation", "shares"),
    [(RULES[1][0], RULES[1][1]), (RULES[3][0], RULES[3][1]), (RULES[4][0], RULES[4][1]), (RULES[5][0], epsilon_shares)],
)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_has_two_terms(run: Any, propagation: Propagation, shares: Shares, training: bool) -> None:
    model = nn.BatchNorm1d(3).double().train(training)
    model.weight.data, model.bias.data = double(3), double(3)
    x, r = double(6, 3), double(6, 3)
    mean = x.mean(0) if training else model.running_mean
    var = x.var(0, correction=0) if training else model.running_var
    assert mean is not None and var is not None
    slope = (model.weight / torch.sqrt(var + model.eps)).detach()
    shift = (model.bias - mean * slope).detach()
    oracle, bias = np.zeros((6, 3)), 0.0
    for n, j in np.ndindex(6, 3):
        oracle[n, j], constant = shares([float(x[n, j] * slope[j]), float(shift[j])], float(r[n, j]))
        bias += constant
    ledger = passed(run, model, r, propagation, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-7, atol=1e-10)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-7)


def test_where_all_terms_have_one_sign_nothing_is_lost(run: Any) -> None:
    model = nn.Linear(3, 2, bias=False).double()
    model.weight.data = -model.weight.data.abs()
    x, r = double(4, 3).abs(), double(4, 2)
    for propagation, *_ in RULES:
        ledger = passed(run, model, r, propagation, x=x)
        assert ledger.ended["inputs"] == pytest.approx(float(r.sum()), rel=1e-6)


def test_an_output_of_zeros_only_gives_nothing_on(run: Any) -> None:
    model = nn.Linear(3, 2, bias=False).double()
    x, r = torch.zeros(4, 3, dtype=torch.float64), double(4, 2)
    for propagation, *_ in RULES:
        assert passed(run, model, r, propagation, x=x).ended["inputs"] == 0


@pytest.mark.parametrize(
    "make", [lambda: nn.ConvTranspose2d(2, 3, 2), lambda: nn.Conv2d(2, 4, 2, groups=2, bias=False)]
)
def test_gamma_nears_the_rules_at_its_ends(run: Any, make: Callable[[], nn.Module]) -> None:
    """γ = 0 is LRP-ε, γ → ∞ favours terms of the sum's sign alone: z⁺ wherever the sum is positive."""
    model = make().double()
    x = double(1, 2, 4, 4)
    r = torch.relu(model(x)).detach()
    at = {
        name: passed(run, model, r, propagation, x=x).arrived["input:x"]
        for name, propagation in {
            "zero": Propagation("gamma", TINY, gamma=0),
            "epsilon": Propagation("epsilon", TINY),
            "large": Propagation("gamma", TINY, gamma=1e8),
            "plus": Propagation("composite", TINY),
        }.items()
    }
    torch.testing.assert_close(at["zero"], at["epsilon"])
    torch.testing.assert_close(at["large"], at["plus"], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    "numbers",
    [{"epsilon": 0.0}, {"epsilon": float("nan")}, {"gamma": -1.0}, {"gamma": float("inf")}, {"alpha": 2.0, "beta": 2.0},
     {"alpha": 0.5, "beta": -0.5}, {"alpha": float("nan")}],
)  # fmt: skip
def test_numbers_out_of_range_are_a_sentence(numbers: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="takes? (a number|numbers)"):
        Propagation(**numbers)  # type: ignore[arg-type]


def relu_mlp() -> nn.Sequential:
    """Without biases: there captum's γ and α1β0 are ours, since they leave the bias as it is."""
    return nn.Sequential(
        nn.Linear(12, 20, bias=False), nn.ReLU(), nn.Linear(20, 16, bias=False), nn.ReLU(), nn.Linear(16, 4, bias=False)
    ).double()


@pytest.mark.parametrize(
    ("propagation", "rule"),
    [
        (Propagation("epsilon", TINY), lambda: EpsilonRule(TINY)),
        (Propagation("gamma", TINY), lambda: GammaRule(0.25)),
        (Propagation("alphabeta", TINY, alpha=1, beta=0), lambda: Alpha1_Beta0_Rule()),
    ],
)
def test_captum_agrees_where_its_formula_is_the_papers(
    run: Any, propagation: Propagation, rule: Callable[[], Any]
) -> None:
    """For inputs from zero and a positive target: captum scales positive weights whatever the signs around them."""
    model = relu_mlp()
    x = double(20, 12).abs()
    logits = model(x).detach()
    x, logits = x[logits[:, 2] > 0.1], logits[logits[:, 2] > 0.1]
    assert len(x)
    r = torch.zeros_like(logits)
    r[:, 2] = logits[:, 2]
    ours = passed(run, model, r, propagation, x=x).arrived["input:x"]
    theirs_model = copy.deepcopy(model)
    for layer in theirs_model:
        if isinstance(layer, nn.Linear):
            layer.rule = rule()
    theirs = LRP(theirs_model).attribute(x.clone().requires_grad_(), target=2).detach()
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-7


def test_without_biases_relevance_is_gradient_times_input_and_deeplift_from_zero(run: Any) -> None:
    """Ancona et al. 2018, prop. 2 and 3: in ReLU networks without biases all three are the same."""
    model = relu_mlp()
    x = double(6, 12)
    logits = model(x).detach()
    r = torch.zeros_like(logits)
    r[:, 1] = logits[:, 1]
    ours = passed(run, model, r, Propagation("epsilon", 1e-12), x=x).arrived["input:x"]
    gradient = InputXGradient(model).attribute(x.clone().requires_grad_(), target=1).detach()
    lift = DeepLift(copy.deepcopy(model)).attribute(x.clone().requires_grad_(), torch.zeros_like(x), target=1).detach()
    torch.testing.assert_close(ours, gradient, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(ours, lift, rtol=1e-6, atol=1e-9)
