"""Every rule against a slow oracle: the paper's formula in Python loops over float64 scalars."""

import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import table
from dgmtui.credit.table import Rule, packet, rule_of
from tests.credit.conftest import Call, sent_back

EPSILON = 1e-3
passed = partial(sent_back, epsilon=EPSILON)
Array = NDArray[np.float64]


def divided(relevance: float, z: float) -> float:
    return relevance / (z + (EPSILON if z >= 0 else -EPSILON))


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def linear_oracle(x: Array, w: Array, b: Array, r: Array) -> tuple[Array, float]:
    """R_i = Σ_j x_i w_ji R_j / (z_j + ε sign z_j); the bias's share beside it."""
    out, bias = np.zeros_like(x), 0.0
    for n, j in itertools.product(range(len(x)), range(len(w))):
        z = b[j] + sum(x[n, i] * w[j, i] for i in range(x.shape[1]))
        s = divided(r[n, j], z)
        bias += b[j] * s
        for i in range(x.shape[1]):
            out[n, i] += x[n, i] * w[j, i] * s
    return out, bias


def test_linear(run: Any) -> None:
    model = nn.Linear(4, 3).double()
    x, r = double(2, 4), double(2, 3)
    ledger = passed(run, model, r, x=x)
    w, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    relevance, bias = linear_oracle(x.numpy(), w, b, r.numpy())
    np.testing.assert_allclose(ledger.arrived["input:x"], relevance, rtol=1e-10)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-10)


def test_zero_output_counts_as_positive(run: Any) -> None:
    model = nn.Linear(2, 1, bias=False).double()
    model.weight.data = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    ledger = passed(run, model, torch.ones(1, 1, dtype=torch.float64), x=torch.full((1, 2), 3.0, dtype=torch.float64))
    np.testing.assert_allclose(ledger.arrived["input:x"], [[3 / EPSILON, -3 / EPSILON]])


def test_convolution(run: Any) -> None:
    model = nn.Conv2d(2, 3, 2, stride=2, padding=1).double()
    x = double(1, 2, 4, 4)
    z = model(x).detach()
    r = torch.randn_like(z)
    oracle, bias = np.zeros((1, 2, 6, 6)), 0.0
    padded = F.pad(x, (1, 1, 1, 1)).numpy()
    w = model.weight.detach().numpy()
    for j, row, col in itertools.product(range(3), range(z.shape[2]), range(z.shape[3])):
        s = divided(float(r[0, j, row, col]), float(z[0, j, row, col]))
        bias += float(model.bias[j].detach()) * s
        for c, dy, dx in itertools.product(range(2), range(2), range(2)):
            place = 0, c, 2 * row + dy, 2 * col + dx
            oracle[place] += padded[place] * w[j, c, dy, dx] * s
    ledger = passed(run, model, r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle[:, :, 1:-1, 1:-1], rtol=1e-9, atol=1e-12)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-9)


def test_transposed_convolution(run: Any) -> None:
    model = nn.ConvTranspose2d(2, 3, 2, stride=2).double()
    x = double(1, 2, 3, 3)
    z = model(x).detach()
    r, oracle = torch.randn_like(z), np.zeros(x.shape)
    w = model.weight.detach().numpy()
    for c, row, col, j, dy, dx in itertools.product(*map(range, (2, 3, 3, 3, 2, 2))):
        place = 0, j, 2 * row + dy, 2 * col + dx
        oracle[0, c, row, col] += float(x[0, c, row, col]) * w[c, j, dy, dx] * divided(float(r[place]), float(z[place]))
    np.testing.assert_allclose(passed(run, model, r, x=x).arrived["input:x"], oracle, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_is_the_affine_map_it_stands_for(run: Any, training: bool) -> None:
    model = nn.BatchNorm2d(3).double().train(training)
    model.weight.data, model.bias.data = double(3), double(3)
    model.running_mean, model.running_var = double(3), double(3).square() + 0.5
    x = double(4, 3, 2, 2)
    r = torch.randn_like(x)
    xs = x.numpy()
    mean = xs.mean((0, 2, 3)) if training else model.running_mean.numpy().copy()
    var = xs.var((0, 2, 3)) if training else model.running_var.numpy().copy()
    slope = model.weight.detach().numpy() / np.sqrt(var + model.eps)
    shift = model.bias.detach().numpy() - mean * slope
    oracle, bias = np.zeros(x.shape), 0.0
    for place in np.ndindex(*x.shape):
        c = place[1]
        s = divided(float(r[place]), xs[place] * slope[c] + shift[c])
        oracle[place] = xs[place] * slope[c] * s
        bias += shift[c] * s
    ledger = passed(run, model, r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-8)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-8)


def test_sum_of_two_is_shared_by_size(run: Any) -> None:
    x, y, r = double(3), double(3), double(3)
    ledger = passed(run, Call(lambda _, x, y: x - 2 * y + 0.5), r, x=x, y=y)
    oracle_x, oracle_y, oracle_c = np.zeros(3), np.zeros(3), 0.0
    for i in range(3):
        difference = float(x[i] - 2 * y[i])
        s = divided(float(r[i]), difference + 0.5)
        oracle_c += 0.5 * s
        s = divided(difference * s, difference)
        oracle_x[i] = float(x[i]) * s
        oracle_y[i] = float(2 * y[i]) * divided(float(-2 * y[i]) * s, float(2 * y[i]))
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle_x, rtol=1e-9)
    np.testing.assert_allclose(ledger.arrived["input:y"], oracle_y, rtol=1e-9)
    assert ledger.ended["bias"] == pytest.approx(oracle_c, rel=1e-9)


def test_product_of_two_activations_is_halved(run: Any) -> None:
    x, y, r = double(4), double(4), double(4)
    ledger = passed(run, Call(lambda _, x, y: x * y), r, x=x, y=y)
    half = [float(x[i] * y[i]) * divided(float(r[i]), float(x[i] * y[i])) / 2 for i in range(4)]
    np.testing.assert_allclose(ledger.arrived["input:x"], half, rtol=1e-10)
    np.testing.assert_allclose(ledger.arrived["input:y"], half, rtol=1e-10)


def test_square_by_multiplication_gets_all(run: Any) -> None:
    x, r = double(4) + 3, double(4)
    ledger = passed(run, Call(lambda _, x: x * x), r, x=x)
    assert float(ledger.arrived["input:x"].sum()) == pytest.approx(float(r.sum()), rel=1e-2)


def test_matrix_product_of_two_activations(run: Any) -> None:
    x, y = double(2, 3), double(3, 2)
    r = double(2, 2)
    oracle_x, oracle_y = np.zeros((2, 3)), np.zeros((3, 2))
    for i, j in itertools.product(range(2), range(2)):
        z = sum(float(x[i, k] * y[k, j]) for k in range(3))
        for k in range(3):
            share = float(x[i, k] * y[k, j]) * divided(float(r[i, j]), z) / 2
            oracle_x[i, k] += share
            oracle_y[k, j] += share
    ledger = passed(run, Call(lambda _, x, y: x @ y), r, x=x, y=y)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle_x, rtol=1e-9)
    np.testing.assert_allclose(ledger.arrived["input:y"], oracle_y, rtol=1e-9)


@pytest.mark.parametrize(
    "gate",
    [torch.sigmoid, lambda g: (g > 0).double(), lambda g: torch.softmax(g, -1), lambda g: torch.sigmoid(g)[..., :]],
)
def test_a_gate_gets_nothing(run: Any, gate: Any) -> None:
    x, g = double(4), double(4)
    r = double(4) * (torch.ones(4) if gate is torch.sigmoid else (g > 0))
    ledger = passed(run, Call(lambda _, x, g: x * gate(g)), r, x=x, g=g)
    assert ledger.arrived.get("input:g", torch.zeros(4)).abs().max() == 0
    assert float(ledger.arrived["input:x"].sum()) == pytest.approx(float(r.sum()), rel=0.2, abs=0.2)


def test_a_random_draw_as_factor_gets_nothing_and_as_term_its_share(run: Any) -> None:
    x = double(6).abs() + 1
    ledger = passed(run, Call(lambda _, x: x * torch.randn_like(x) + torch.rand_like(x)), x * 0 + 1, x=x)
    assert ledger.ended["random"] != 0
    assert ledger.ended["random"] + ledger.ended["inputs"] == pytest.approx(6, rel=0.05)


def test_a_kernel_made_from_the_batch_takes_half(run: Any) -> None:
    x, y, r = double(1, 2, 4, 4), double(3, 2, 2, 2), double(1, 3, 3, 3)
    ledger = passed(run, Call(lambda _, x, y: F.conv2d(x, 2 * y)), r, x=x, y=y)
    halves = [float(ledger.arrived[f"input:{name}"].sum()) for name in "xy"]
    assert halves[0] == pytest.approx(halves[1], rel=0.05, abs=0.05)
    assert sum(halves) == pytest.approx(float(r.sum()), rel=0.05, abs=0.05)


def test_a_quotient_goes_to_its_numerator(run: Any) -> None:
    x, y, r = double(4), double(4).abs() + 1, double(4)
    ledger = passed(run, Call(lambda _, x, y: x / y), r, x=x, y=y)
    oracle = [float(x[i] / y[i]) * divided(float(r[i]), float(x[i] / y[i])) for i in range(4)]
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-10)
    assert "input:y" not in ledger.arrived
    below = passed(run, Call(lambda _, y: torch.ones_like(y) / y), r, y=y)
    np.testing.assert_array_equal(below.arrived["input:y"], r)


@pytest.mark.parametrize(
    "function",
    [F.relu, torch.sigmoid, torch.tanh, F.gelu, F.silu, F.elu, F.softplus, F.leaky_relu, torch.exp, torch.log,
     torch.sqrt, torch.abs, lambda x: x**2, lambda x: x.clamp(min=0.1), lambda x: -x, torch.reciprocal, F.logsigmoid],
)  # fmt: skip
def test_elementwise_passes_relevance_as_it_is(run: Any, function: Any) -> None:
    x, r = double(3, 4).abs() + 0.1, double(3, 4)
    ledger = passed(run, Call(lambda _, x: function(x)), r, x=x)
    np.testing.assert_array_equal(ledger.arrived["input:x"], r)
    assert not ledger.approximate_ops


@pytest.mark.parametrize(
    "function",
    [lambda x: x.reshape(4, 6), lambda x: x.t(), lambda x: x.flip(0), lambda x: torch.cat([x[2:], x[:2]]),
     lambda x: x.unsqueeze(0).permute(2, 0, 1), lambda x: x[torch.tensor([3, 1, 0, 2])], lambda x: x.clone().detach(),
     lambda x: F.pad(x, (1, 2)), lambda x: torch.stack(x.unbind(1), 1)],
)  # fmt: skip
def test_moved_data_takes_its_relevance_along(run: Any, function: Any) -> None:
    x = torch.arange(24, dtype=torch.float64).reshape(4, 6) + 1
    r = function(x) * 0.5
    ledger = passed(run, Call(lambda _, x: function(x)), r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], x * 0.5)


def test_max_pooling_gives_all_to_the_winner(run: Any) -> None:
    x, r = double(2, 2, 4, 4), double(2, 2, 2, 2)
    oracle = np.zeros(x.shape)
    for n, c, row, col in itertools.product(range(2), repeat=4):
        window = x[n, c, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
        dy, dx = divmod(int(window.argmax()), 2)
        oracle[n, c, 2 * row + dy, 2 * col + dx] = r[n, c, row, col]
    np.testing.assert_allclose(passed(run, nn.MaxPool2d(2), r, x=x).arrived["input:x"], oracle)


@pytest.mark.parametrize("function", [lambda x: F.avg_pool2d(x, 2), lambda x: x.mean((2, 3)), lambda x: x.sum(1)])
def test_means_and_sums_share_by_size(run: Any, function: Any) -> None:
    x = double(1, 2, 2, 2)
    z = function(x)
    r = torch.randn_like(z)
    oracle = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        alone = torch.zeros_like(x)
        alone[place] = x[place]
        term = function(alone)
        for out in np.ndindex(*z.shape):
            oracle[place] += float(term[out]) * divided(float(r[out]), float(z[out]))
    ledger = passed(run, Call(lambda _, x: function(x)), r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-9)


def test_what_has_no_rule_is_linearised_and_named(run: Any) -> None:
    x, r = double(2, 3), double(2)
    ledger = passed(run, Call(lambda _, x: x.prod(1)), r, x=x)
    oracle = np.zeros((2, 3))
    for n, i in itertools.product(range(2), range(3)):
        z = float(x[n].prod())
        oracle[n, i] = float(x[n, i]) * (z / float(x[n, i])) * divided(float(r[n]), z)
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-8)
    assert list(ledger.approximate_ops) == ["aten.prod"]
    assert ledger.ended["approximate"] == pytest.approx(float(r.sum()) - oracle.sum(), rel=1e-8)


@pytest.mark.parametrize(
    ("function", "degree"),
    [
        (lambda x, y: F.mse_loss(x, y, reduction="none").sum(1), 2),
        (lambda x, y: F.mse_loss(x, y) * torch.ones(2, dtype=x.dtype), 2),
        (lambda x, y: (x + y).var(1), 2),
        (lambda x, y: torch.linalg.vector_norm(torch.cat([x, y], 1), dim=1), 1),
        (lambda x, y: (x * 2 - y).std(1), 1),
    ],
)
def test_homogeneous_functions_share_all(run: Any, function: Any, degree: int) -> None:
    """Euler: Σ x·∂f/∂x = degree · f, so what each gets is ``x·∂f/∂x / (degree · f) · R``."""
    x, y = double(2, 3).requires_grad_(), double(2, 3).requires_grad_()
    z = function(x, y)
    r = double(2)
    gx, gy = torch.autograd.grad(z, [x, y], r / (degree * z.detach()))
    x, y = x.detach(), y.detach()
    ledger = passed(run, Call(lambda _, x, y: function(x, y)), r, x=x, y=y)
    np.testing.assert_allclose(ledger.arrived["input:x"], x * gx, rtol=1e-1, atol=2e-2)
    assert not ledger.approximate_ops
    assert ledger.ended["inputs"] == pytest.approx(float(r.sum()), rel=0.05, abs=0.05)


def test_parameters_alone_take_what_they_add(run: Any) -> None:
    model = Call(lambda m, x: x @ m.w.exp() + m.b, w=double(3, 2), b=double(2))
    x, r = double(4, 3), double(4, 2)
    ledger = passed(run, model, r, x=x)
    s = [
        [divided(float(r[n, j]), float((x @ model.w.exp() + model.b).detach()[n, j])) for j in range(2)]
        for n in range(4)
    ]
    assert ledger.ended["bias"] == pytest.approx(
        sum(s[n][j] * float(model.b[j].detach()) for n in range(4) for j in range(2))
    )


def test_an_embedding_ends_at_its_input(run: Any) -> None:
    ledger = passed(run, nn.Embedding(5, 3), torch.ones(4, 3), x=torch.tensor([1, 2, 3, 1]))
    assert ledger.ended["inputs"] == 12


@pytest.mark.parametrize(
    ("op", "name", "rule"),
    [
        ("aten.relu_.default", "relu", Rule.ELEMENTWISE),
        ("aten._unsafe_view.default", "_unsafe_view", Rule.MOVING),
        ("aten.addmm.default", "addmm", Rule.BILINEAR),
        ("aten.native_batch_norm.default", "native_batch_norm", Rule.BATCH_NORM),
        ("aten._softmax.default", "_softmax", Rule.SOFTMAX),
        ("torchvision.relu.default", "relu", Rule.LOCAL),
    ],
)
def test_rules_are_found_by_name(op: str, name: str, rule: Rule) -> None:
    assert (packet(op), rule_of(op)) == (name, rule)


def test_bilinear_operations_name_their_factors() -> None:
    assert {name for name, rule in table._RULES.items() if rule is Rule.BILINEAR} == set(table.FACTORS)


def test_every_name_in_the_table_is_an_operation_of_aten() -> None:
    known = {name.removeprefix("aten::").split(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    unknown = [name for name in table._RULES if name not in known]
    assert unknown == []


@pytest.mark.parametrize(
    "model",
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
        nn.Conv2d(4, 6, 3, padding="same", padding_mode="circular", bias=False),
        nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, output_padding=1),
        nn.Linear(6, 3),
        nn.Linear(6, 3, bias=False),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.MaxPool2d(2),
    ],
)
def test_direct_products_equal_autograds(run: Any, model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model.double()
    x = double(2, 4, 6, 6) if not isinstance(model, nn.Linear) else double(5, 6)
    r = torch.randn_like(model(x)).detach()
    direct = passed(run, model, r, x=x)
    monkeypatch.setattr("dgmtui.credit.ops.DIRECT", {})
    by_autograd = passed(run, model, r, x=x)
    np.testing.assert_allclose(direct.arrived["input:x"], by_autograd.arrived["input:x"], rtol=1e-9, atol=1e-12)
    assert direct.ended == pytest.approx(by_autograd.ended, rel=1e-9)
