"""The first non-finite value is found where it was born, and nothing healthy or intended is blamed."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.trace.birth import all_births, first_birth, reproduces

B = 8
INF = math.inf


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(4, 3, bias=False)


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(4)
    return torch.randn(B, 4)


@pytest.fixture(scope="session")
def birth_of(trace_once: Any) -> Any:
    return lambda model, step, **inputs: first_birth(trace_once(model, step, **inputs).replay())


def here(text: str) -> int:
    """The line of this file that holds ``text`` and is not this call's."""
    with open(__file__) as lines:  # noqa: PTH123
        return next(i for i, line in enumerate(lines, 1) if text in line and "here(" not in line)


def test_exp_of_one_huge_element_among_others(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    x[5] *= 400

    def step() -> Any:
        return layer(x).exp().sum()  # overflows

    birth = birth_of(layer, step, x=x)
    with torch.no_grad():
        expected = layer(x)
    places = torch.isinf(expected.exp()).nonzero().tolist()
    assert (birth.phase, birth.op, birth.what, birth.autograd) == ("forward", "aten.exp", "inf", None)
    assert [list(e) for e in birth.elements] == places
    assert birth.count == len(places)
    assert (birth.sample, birth.samples, birth.unit) == (5, (5,), places[0][1])
    assert birth.value == pytest.approx(float(expected[tuple(places[0])]))
    assert [(o.name, o.value) for o in birth.operands] == [("input", birth.value)]
    assert birth.finite_in_float64 is (birth.value < 709)
    assert birth.source.line == here("# overflows")


def test_the_earlier_inf_outranks_the_nan_it_turns_into(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    x[2] *= 1000

    def step() -> Any:
        huge = layer(x).abs().exp()
        return (huge - huge.detach()).sum()

    birth = birth_of(layer, step, x=x)
    assert (birth.op, birth.what, birth.sample) == ("aten.exp", "inf", 2)


@pytest.mark.parametrize(
    ("make", "op", "what"),
    [
        (lambda h: h.log(), "aten.log", "-inf"),
        (lambda h: 1 / h, "aten.reciprocal", "inf"),
        (lambda h: h / h, "aten.div", "nan"),
        (lambda h: (h - 1) ** 0.5, "aten.pow", "nan"),
        (lambda h: h**-1.0, "aten.pow", "inf"),
        (lambda h: (h - 2).acos(), "aten.acos", "nan"),
        (lambda h: (h - 1).sqrt(), "aten.sqrt", "nan"),
        (lambda h: h.add_(0).log_(), "aten.log_", "-inf"),
    ],
    ids=["log", "reciprocal", "0/0", "root", "power", "acos", "sqrt", "in-place"],
)
def test_forward_births_of_one_row(
    birth_of: Any, layer: nn.Linear, x: Tensor, make: Callable[[Tensor], Tensor], op: str, what: str
) -> None:
    x[6] = 0

    def step() -> Any:
        h = layer(x).abs()
        return make(
            h * (h < 0.9) * (x.abs().sum(1, keepdim=True) == 0) + 1.5 * (x.abs().sum(1, keepdim=True) > 0)
        ).sum()

    birth = birth_of(layer, step, x=x)
    assert (birth.phase, birth.op, birth.what) == ("forward", op, what)
    assert {element[0] for element in birth.elements} == {6}


@pytest.mark.parametrize(
    ("make", "op", "function"),
    [
        (lambda h: h.sum(1).sqrt().sum(), "aten.sqrt", "SqrtBackward0"),
        (lambda h: (h**0.5).sum(), "aten.pow", "PowBackward0"),
        (lambda h: (1 - h).acos().sum(), "aten.acos", "AcosBackward0"),
        (lambda h: torch.where(h > 0, h.sqrt(), 0.0).sum(), "aten.sqrt", "SqrtBackward0"),
    ],
    ids=["root of zero", "power", "acos", "where does not help"],
)
def test_backward_births(
    birth_of: Any, layer: nn.Linear, x: Tensor, make: Callable[[Tensor], Tensor], op: str, function: str
) -> None:
    x[6] = 0
    x *= 0.1

    def step() -> Any:
        return make((layer(x) ** 2).clamp(max=1.9))

    birth = birth_of(layer, step, x=x)
    assert (birth.phase, birth.op, birth.autograd) == ("backward", op, function)
    assert (birth.sample, birth.samples) == (6, (6,))
    assert birth.finite_in_float64 is False
    assert birth.value in (0.0, 1.0)


def test_an_inf_that_where_did_not_take_is_the_birth(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    x[6] = 0

    def step() -> Any:
        h = layer(x) ** 2
        return torch.where(h > 0, h * h.log(), 0.0).sum()

    case = trace_once(layer, step, x=x)
    assert bool(torch.isfinite(case.loss))
    assert not bool(torch.isfinite(case.gradients["param:weight"]).all())
    birth = first_birth(case.replay())
    assert birth is not None
    assert (birth.phase, birth.op, birth.what, birth.sample) == ("forward", "aten.log", "-inf", 6)


def test_harmless_births_are_said_to_be_so(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    x[6] = 0

    def step() -> Any:
        h = layer(x)
        return h.sum() + torch.where(h.detach() ** 2 > 0, 1 / h.detach() ** 2, 0.0).sum()

    case = trace_once(layer, step, x=x)
    assert first_birth(case.replay()) is None
    births = all_births(case.replay())
    assert [b.harmless for b in births] == [True]
    assert births[0].elements[0][0] == 6


def attention(layer: nn.Linear, x: Tensor, allowed: Tensor) -> Callable[[], Tensor]:
    def step() -> Any:
        h = layer(x).view(2, 4, 3)
        scores = (h @ h.transpose(1, 2)).masked_fill(~allowed, -INF)
        return (scores.softmax(-1) @ h).square().sum()

    return step


def test_a_mask_is_intended(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    allowed = torch.ones(4, 4, dtype=torch.bool).tril()
    replay = trace_once(layer, attention(layer, x, allowed), x=x, allowed=allowed).replay()
    assert first_birth(replay) is None
    assert all_births(replay) == ()


def test_a_row_wholly_masked_is_born_where_it_turns_into_nan(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    allowed = torch.ones(4, 4, dtype=torch.bool).tril()
    allowed[2] = False
    birth = birth_of(layer, attention(layer, x, allowed), x=x, allowed=allowed)
    assert (birth.phase, birth.op, birth.what) == ("forward", "aten._softmax", "nan")
    assert {element[1] for element in birth.elements} == {2}
    assert "masked" in birth.phrase


@pytest.mark.parametrize("spelt", [True, False])
def test_additive_masks_are_intended(trace_once: Any, layer: nn.Linear, x: Tensor, spelt: bool) -> None:
    mask = torch.tensor([0.0, -INF, 0.0])

    def step() -> Any:
        taken = torch.tensor([0.0, -INF, 0.0]) if spelt else mask
        return (layer(x) + taken).softmax(-1)[:, 0].sum()

    replay = trace_once(layer, step, x=x, mask=mask).replay()
    assert first_birth(replay) is None


def test_an_intended_inf_that_reaches_the_loss_is_blamed(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    birth = birth_of(layer, lambda: layer(x).masked_fill(x[:, :3] > 0, INF).sum(), x=x)
    assert (birth.op, birth.what) == ("aten.masked_fill", "inf")


def test_nan_in_the_batch(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    x[3, 2] = math.nan
    birth = birth_of(layer, lambda: layer(x).exp().sum(), x=x)
    assert (birth.phase, birth.outside, birth.elements) == ("input", "input:x", ((3, 2),))
    assert (birth.sample, birth.op) == (3, None)


def test_nan_in_padding_that_nobody_reads_is_harmless(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    x[3] = math.nan
    replay = trace_once(layer, lambda: layer(x[:3]).sum(), x=x).replay()
    assert first_birth(replay) is None
    assert [b.harmless for b in all_births(replay)] == [True]


def test_nan_in_a_parameter(birth_of: Any, x: Tensor) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    with torch.no_grad():
        model.get_parameter("1.weight")[1, 0] = math.nan
    birth = birth_of(model, lambda: model(x).sum(), x=x)
    assert (birth.phase, birth.outside, birth.module, birth.unit) == ("update", "param:1.weight", "1", 1)


def test_uninitialised_memory_is_never_blamed(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    def step() -> Any:
        garbage = torch.full((B, 3), math.nan)
        del garbage  # the allocator is likely to hand the same memory out again
        out = torch.empty(B, 3)
        out.copy_(layer(x))
        return out.sum()

    assert first_birth(trace_once(layer, step, x=x).replay()) is None


def test_a_value_written_into_a_slice(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    x[5] *= 1000

    def step() -> Any:
        out = torch.zeros(B, 3)
        out[:, 1] = layer(x).abs()[:, 1].exp()
        return out.sum()

    birth = birth_of(layer, step, x=x)
    assert (birth.op, birth.sample) == ("aten.exp", 5)


def test_dropout(birth_of: Any, x: Tensor) -> None:
    model = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))
    x[5] *= 4000
    birth = birth_of(model, lambda: model(x).exp().sum(), x=x)
    assert (birth.op, birth.sample, birth.operands[0].module) == ("aten.exp", 5, "1")


def test_batch_norm_names_the_dominant_row(birth_of: Any, x: Tensor) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    x[5] *= 400
    birth = birth_of(model, lambda: (model(x) * 60).exp().sum(), x=x)
    assert (birth.sample, birth.samples, birth.dominant_sample) == (None, tuple(range(B)), 5)


def test_convolution_unit_and_sample(birth_of: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 2, 3))
    x = torch.randn(B, 1, 6, 6)
    x[6] *= 1e3

    def step() -> Any:
        return model(x).exp().sum()

    birth = birth_of(model, step, x=x)
    with torch.no_grad():
        places = torch.isinf(model(x).exp()).nonzero()
    assert (birth.sample, birth.samples) == (6, (6,))
    assert birth.unit == int(places[0, 1])
    assert birth.operands[0].module == "2"


def test_time_before_batch(birth_of: Any) -> None:
    torch.manual_seed(0)
    model = nn.LSTM(4, 5)
    x, y = torch.randn(7, B, 4), torch.randint(0, 5, (B,))
    x[2, 4] = 3

    def step() -> Any:
        out = model(x)[0]
        scale = torch.where(x.mean(-1, keepdim=True) > 2.9, 1e5, 1.0)
        return (out.abs() * scale).exp().sum() + F.cross_entropy(out[-1], y)

    birth = birth_of(model, step, x=x, y=y)
    assert birth.sample == 4
    assert birth.elements[0][:2] == (2, 4)
    assert birth.unit == birth.elements[0][2]


def test_batch_first_inside_transposed(birth_of: Any) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    x = torch.randn(B, 7, 4)
    x[3] *= 1000
    birth = birth_of(model, lambda: model(x.transpose(0, 1)).abs().exp().sum(), x=x)
    assert birth.elements[0][1] == 3
    assert (birth.sample, birth.samples) == (3, (3,))


@pytest.mark.parametrize("by_index", [True, False])
def test_rows_taken_out_of_a_data_set(birth_of: Any, layer: nn.Linear, by_index: bool) -> None:
    data = torch.randn(100, 4)
    data[42] *= 1000
    rows = torch.tensor([1, 2, 3, 42, 5, 6])

    def step() -> Any:
        return layer(data[rows] if by_index else data[39:45]).abs().exp().sum()

    assert birth_of(layer, step, data=data, rows=rows).sample == 3


def test_a_row_that_an_index_brought_in(birth_of: Any) -> None:
    model = nn.Embedding(10, 3)
    with torch.no_grad():
        model.weight[7] = 100.0
    ids = torch.tensor([0, 1, 2, 3, 4, 7, 5, 6])
    birth = birth_of(model, lambda: model(ids).exp().sum(), ids=ids)
    assert (birth.sample, birth.samples) == (5, (5,))


def test_overflow_of_a_sum_and_of_a_product(birth_of: Any, layer: nn.Linear) -> None:
    big = torch.full((B, 4), 1e37)
    big[2] = 3e38
    ones = torch.ones(4, 4)
    product = birth_of(layer, lambda: (big @ ones).sum() * layer.weight.sum(), big=big, ones=ones)
    assert (product.op, product.sample) == ("aten.mm", 2)
    assert product.operands[0].value == pytest.approx(3e38)
    assert product.finite_in_float64 is True
    total = birth_of(layer, lambda: big.sum() * layer.weight.sum(), big=big)
    assert (total.op, total.sample, total.dominant_sample, total.unit) == ("aten.sum", None, 2, None)


def test_half_precision_overflow_is_precision(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    x[5] = 200
    birth = birth_of(layer, lambda: layer(x).abs().half().mul(3000).float().sum(), x=x)
    assert (birth.op, birth.sample, birth.finite_in_float64) == ("aten.mul", 5, True)
    cast = birth_of(layer, lambda: layer(x).abs().mul(3000).half().float().sum(), x=x)
    assert (cast.op, cast.finite_in_float64) == ("aten._to_copy", True)


def test_healthy(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    replay = trace_once(layer, lambda: layer(x).logsumexp(1).sum(), x=x).replay()
    assert first_birth(replay) is None
    assert all_births(replay) == ()


def test_after_an_unwatched_backward(trace_once: Any, layer: nn.Linear) -> None:
    case = trace_once(layer, lambda: (layer.weight * 0).abs().sqrt().sum())
    replay = case.replay()
    replay.backward(steps=False)
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "backward"


def test_reproduces(trace_once: Any, layer: nn.Linear, x: Tensor) -> None:
    x[5] *= 4000
    failing = trace_once(layer, lambda: layer(x).abs().exp().sum(), x=x)
    healthy = trace_once(layer, lambda: layer(x).abs().sum(), x=x)
    assert reproduces(failing.replay)
    assert not reproduces(healthy.replay)
    replays = iter([failing.replay(), healthy.replay()])
    assert not reproduces(lambda: next(replays))


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(["tanh", "relu", "sigmoid", "softplus"]), min_size=1, max_size=3),
    st.integers(0, B - 1),
    st.integers(0, 4),
    st.integers(0, 10**6),
)
def test_planted_overflow_is_found(birth_of: Any, activations: list[str], row: int, column: int, seed: int) -> None:
    """Whatever network stands around it: the row and the element where a factor is planted are named."""
    torch.manual_seed(seed)
    model = nn.ModuleList([nn.Linear(5, 5) for _ in activations])
    x = torch.randn(B, 5)
    planted = torch.zeros(B, 5)
    planted[row, column] = 200.0

    def step() -> Any:
        h = x
        for linear, activation in zip(model, activations, strict=True):
            h = getattr(F, activation)(linear(h)) if activation == "softplus" else getattr(linear(h), activation)()
        return (h + planted).exp().mean()

    birth = birth_of(model, step, x=x, planted=planted)
    assert (birth.op, birth.elements, birth.unit) == ("aten.exp", ((row, column),), column)
    assert birth.sample == row
    assert birth.finite_in_float64


def test_a_statistic_over_the_batch_has_a_unit_and_no_sample(birth_of: Any, x: Tensor) -> None:
    model = nn.Linear(4, 2)
    x[:, 2] = 0.5
    birth = birth_of(model, lambda: (model(x * x.var(0).rsqrt())).sum(), x=x)
    assert (birth.op, birth.unit, birth.sample, birth.samples) == ("aten.rsqrt", 2, None, tuple(range(B)))
    assert birth.dominant_sample is None and not birth.regardless


@pytest.mark.parametrize(
    ("make", "op"),
    [
        (lambda y: y[:1].std(0).sum(), "aten.std"),
        (lambda y: y[:0].mean(), "aten.mean"),
        (lambda y: F.cross_entropy(y, torch.full((B,), -100)), "aten.nll_loss_forward"),
    ],
)
def test_what_holds_for_any_numbers_is_told_from_what_numbers_make(
    birth_of: Any, layer: nn.Linear, x: Tensor, make: Callable[[Tensor], Tensor], op: str
) -> None:
    birth = birth_of(layer, lambda: make(layer(x)), x=x)
    assert (birth.op, birth.regardless, birth.operands, birth.value) == (op, True, (), None)
    assert "whatever numbers go in" in birth.phrase


@pytest.mark.parametrize(
    "make", [torch.log, torch.acos, torch.sqrt, lambda y: y / 0.0 * 0, lambda y: (y * 1e38).pow(3)]
)
def test_what_numbers_make_does_not_hold_for_any(
    birth_of: Any, layer: nn.Linear, x: Tensor, make: Callable[[Tensor], Tensor]
) -> None:
    divides_by_a_literal = make(torch.ones(1)).isnan().item()
    birth = birth_of(layer, lambda: make(-3 * layer(x).abs() - 2).sum(), x=x)
    assert birth.regardless == (divides_by_a_literal and birth.op == "aten.div")


def test_a_wholly_masked_row_knows_its_mask(birth_of: Any, layer: nn.Linear, x: Tensor) -> None:
    padding = torch.zeros(B, 3, dtype=torch.bool)
    padding[6] = True

    def step() -> Tensor:
        scores = layer(x).masked_fill(padding, -INF)  # masks
        return (scores.softmax(1) * torch.arange(3.0)).sum()

    birth = birth_of(layer, step, x=x, padding=padding)
    assert (birth.op, birth.what, birth.sample, birth.samples) == ("aten._softmax", "nan", 6, (6,))
    assert birth.masked_by.name == "aten.masked_fill" and birth.masked_by.source.line == here("# masks")
