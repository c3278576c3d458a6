"""Targets by name, what is refused, and what stands behind a non-finite value."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import cause_of, contributions, forward_contributions, parse_target
from dgmtui.errors import CreditError, UsageError
from dgmtui.trace.birth import Birth, first_birth


class Model(nn.Module):
    """The last step makes what is not finite."""

    def __init__(self, last: Any, width: int = 4) -> None:
        super().__init__()
        self.enc, self.head, self.last = nn.Linear(3, width), nn.Linear(width, 2), last

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.head(torch.relu(self.enc(x))))
        return result


def mean(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).mean()


def overflowing() -> Tensor:
    x = torch.zeros(5, 3)
    x[3] = 100.0
    return x


def planted(model: Model) -> Model:
    """Sample 3 of ``overflowing`` makes head[1] large and leaves head[0] small."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.enc.weight[2, 0] = 1.0
        model.head.weight[1, 2] = 1.0
        model.enc.bias.fill_(0.1)
    return model


@pytest.fixture
def small(run: Any) -> Any:
    return run(Model(torch.tanh), mean, x=torch.randn(5, 3))


def test_names(small: Any) -> None:
    graph = small.graph
    whole = parse_target("head", graph, small)
    unit = parse_target("head[1]", graph, small)
    one = parse_target("head[1]@4", graph, small)
    value = small.value(whole.ref)
    assert (whole.unit, whole.sample, whole.value) == (None, None, pytest.approx(float(value.sum()), rel=1e-5))
    assert (unit.unit, unit.sample, unit.value) == (1, None, pytest.approx(float(value[:, 1].sum()), rel=1e-5))
    assert (one.unit, one.sample, one.value) == (1, 4, pytest.approx(float(value[4, 1])))
    assert one.text == f"head[1] of sample 4 = {float(value[4, 1]):.4g}"
    assert parse_target("loss", graph, small).value == pytest.approx(float(small.loss))
    assert parse_target(".[0]@1", graph, small).ref == graph.calls[0].outputs[0]
    node = parse_target(f"node:{whole.ref.node}[1]@4", graph, small)  # type: ignore[union-attr]
    assert (node.module, node.value) == ("head", one.value)
    assert parse_target("head@2", graph, small).value == pytest.approx(float(value[2].sum()), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hed", "enc, head"),
        ("head[2]", "has 2 units"),
        ("head[0]@5", "has 5 samples"),
        ("node:999", "nodes go from 0"),
        ("node:x", "nodes go from 0"),
        ("loss[1]", "no units"),
        ("head[-1]", "numbers from 0"),
    ],
)
def test_what_does_not_exist_is_told_in_a_sentence(small: Any, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_target(text, small.graph, small)


class Picture(nn.Module):
    """A convolution, a cell that is called twice, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.cell, self.head = nn.Conv2d(1, 5, 3), nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.relu(self.conv(x)).mean((2, 3))
        result: Tensor = self.head(torch.tanh(self.cell(torch.tanh(self.cell(pooled)))))
        return result


@pytest.fixture
def picture(run: Any) -> Any:
    return run(Picture(), mean, x=torch.randn(6, 1, 8, 8))


def test_elements_groups_and_calls(picture: Any) -> None:
    def at(text: str) -> Any:
        return parse_target(text, picture.graph, picture)

    value = picture.value(at("conv").ref)
    element = at("conv[3]@5[4,1]")
    assert (element.element, element.value) == ((5, 3, 4, 1), pytest.approx(float(value[5, 3, 4, 1])))
    assert element.text.startswith("conv[3] of sample 5 at [4,1] = ")
    node = at(f"node:{element.ref.node}[5,3,4,1]")
    assert (node.element, node.unit, node.sample, node.value) == (element.element, 3, 5, element.value)
    assert parse_target(node.name, picture.graph, picture).element == element.element
    group = at("conv[0,2-4]@1,3-5[0:2]")
    assert (group.unit, group.units, group.sample, group.samples) == (None, (0, 2, 3, 4), None, (1, 3, 4, 5))
    chosen = value[[1, 3, 4, 5]][:, [0, 2, 3, 4]][:, :, :2]
    assert group.value == pytest.approx(float(chosen.double().sum()), rel=1e-5)
    assert group.name == "conv[0,2-4]@1,3-5[0:2,:]"
    assert at(group.name) == group
    assert at("conv[0-4]@0-5") == at("conv")
    first, last = at("cell:0[1]"), at("cell[1]")
    assert first.ref == picture.graph.calls[2].outputs[0] != last.ref == at("cell:1").ref
    assert (first.module, first.name, last.name) == ("cell", "cell:0[1]", "cell[1]")
    assert last.text.startswith("cell:1[1] = ")
    assert at("module:cell:0[1]") == first


def test_a_group_is_the_sum_of_its_units(picture: Any) -> None:
    def rows(text: str) -> dict[Any, float]:
        found = contributions(picture, parse_target(text, picture.graph, picture))
        return {row.key: row.forward for row in found.rows if row.forward is not None}

    group, one, other = rows("cell[1,3]@2"), rows("cell[1]@2"), rows("cell[3]@2")
    assert group.keys() == one.keys() and any(group.values())
    assert all(group[key] == pytest.approx(one[key] + other[key], abs=1e-5) for key in group)


def test_values_of_rows_are_of_the_samples_that_are_looked_at(picture: Any) -> None:
    target = parse_target("head@1,4", picture.graph, picture)
    found = contributions(picture, target)
    value = picture.value(parse_target("cell", picture.graph, picture).ref)
    row = next(row for row in found.rows if (row.module, row.unit) == ("conv", 0))
    pooled = picture.value(parse_target("conv", picture.graph, picture).ref)[[1, 4], 0]
    assert value.shape == (6, 5) and row.value == pytest.approx(float(pooled.mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cell:2", "called 2 times: it has calls 0 to 1"),
        ("head:1", "called once"),
        ("cell:x", "no module"),
        ("conv[5]", "has 5 units"),
        ("conv@6", "has 6 samples"),
        ("conv[1]@2[6,0]", "6×6 positions"),
        ("conv[1]@2[0,0,0]", "one of 3 axes"),
        ("head[1][0]", "no positions"),
        ("node:0[0,0,0,0,0]", "elements"),
        ("node:0[0,0]@1", "nothing can follow"),
        ("loss:0", "no sum of terms"),
        ("grad:conv.weigt", "conv.weight"),
        ("grad:conv.weight[5]", "5×1×3×3 elements"),
        ("grad:conv.weight@2", "no samples"),
        ("conv[", "is no target"),
    ],
)
def test_what_does_not_exist_in_a_picture_network(picture: Any, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_target(text, picture.graph, picture)


def test_a_module_called_like_a_target_is_that_module(run: Any) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module("a[1]", nn.Linear(3, 2))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.get_submodule("a[1]")(x)
            return result

    replay = run(Odd(), mean, x=torch.randn(4, 3))
    assert parse_target("a[1]", replay.graph, replay).module == "a[1]"


def test_nonfinite_needs_one(small: Any) -> None:
    with pytest.raises(CreditError, match="nothing is non-finite"):
        parse_target("nonfinite", small.graph, small, first_birth(small))


@pytest.mark.parametrize(
    ("last", "steps", "value"),
    [
        (torch.exp, "exp", 100.1),
        (lambda h: (2 * h).exp(), "mul, exp", 100.1),
        (lambda h: h.t().contiguous().exp().t(), "exp", 100.1),
        (lambda h: h.clamp(max=1e5).exp(), "clamp, exp", 100.1),
    ],
)
def test_the_finite_input_that_overflowed_is_the_target(run: Any, last: Any, steps: str, value: float) -> None:
    replay = run(planted(Model(last)), mean, x=overflowing())
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample) == ("head", 1, 3)
    assert target.value == pytest.approx(value, rel=1e-5)
    assert target.text == f"head[1] of sample 3 = {value:.4g}, then {steps} = inf"
    found = forward_contributions(replay, target)
    assert (found.rows[0].module, found.rows[0].unit) == ("enc", 2)
    assert found.conserved["inputs"] + found.conserved["bias"] == pytest.approx(value, rel=1e-4)


def test_a_consequence_is_led_back_to_where_it_began(run: Any) -> None:
    model = nn.Sequential(planted(Model(torch.exp)), nn.Linear(2, 2))
    replay = run(model, mean, x=overflowing())
    target = parse_target("1[0]@3", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample) == ("0.head", 1, 3)
    assert "1[0] of sample 3 is not finite" in target.text and "= inf" in target.text
    healthy = parse_target("1[0]@2", replay.graph, replay, first_birth(replay))
    assert healthy.module == "1" and math.isfinite(healthy.value)


def test_a_division_by_zero_targets_the_denominator(run: Any) -> None:
    class Ratio(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.top, self.bottom = nn.Linear(3, 1), nn.Linear(3, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.top(x) / self.bottom(x)

    x = torch.randn(4, 3)
    x[1] = 0
    replay = run(Ratio(), mean, x=x)
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample, target.value) == ("bottom", 0, 1, 0.0)


def test_an_overflowing_sum_targets_its_largest_term(run: Any) -> None:
    model = planted(Model(lambda h: (h * 1.58e17).square().sum(1)))
    with torch.no_grad():
        model.head.weight[0, 2] = 0.9
    replay = run(model, mean, x=overflowing())
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample) == ("head", 1, 3)
    assert target.text.endswith("then mul, pow, sum = inf")


def test_a_matrix_product_that_overflows_targets_its_largest_term(run: Any) -> None:
    model = planted(Model(lambda h: h))
    with torch.no_grad():
        model.head.weight[1, 2] = 3e38
    replay = run(model, mean, x=overflowing())
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample) == ("enc", 2, 3)
    assert target.text.endswith("then relu, addmm = inf")


def test_a_backward_birth_targets_what_went_in(run: Any) -> None:
    class Distance(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc = nn.Linear(3, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.enc(x).square().sum(1).sqrt()

    x = torch.randn(4, 3)
    x[2] = 0
    replay = run(Distance(), mean, x=x)
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "backward"
    target = cause_of(birth, replay)
    assert (target.sample, target.value) == (2, 0.0)
    assert "derivative of sqrt (SqrtBackward0)" in target.text
    found = forward_contributions(replay, target)
    assert "zero" in found.note and all(math.isfinite(row.forward or 0) for row in found.rows)


def test_a_second_output_is_named_so_that_it_is_found_again(run: Any) -> None:
    """``.[0]`` is the root's first output, the mean; what reaches zero is the second, the spread."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centre, self.spread = nn.Linear(3, 1), nn.Linear(3, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.centre(x), torch.relu(self.spread(x) - 100.0)

    def loss(model: nn.Module, x: Tensor) -> Tensor:
        centre, spread = model(x)
        result: Tensor = torch.log(spread).mean() + centre.mean()
        return result

    replay = run(Two(), loss, x=torch.randn(5, 3))
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    again = parse_target(target.name, replay.graph, replay)
    assert again.ref == target.ref and again.value == 0.0
    assert target.text.startswith(target.base)


def test_a_nonfinite_input_stands_alone(run: Any) -> None:
    x = torch.randn(4, 3)
    x[2, 1] = math.nan
    replay = run(Model(torch.tanh), mean, x=x)
    target = parse_target("nonfinite", replay.graph, replay, first_birth(replay))
    assert (target.module, target.unit, target.sample, target.alone) == ("input:x", 1, 2, True)
    assert "no unit put it there" in target.text
    assert contributions(replay, target).rows == forward_contributions(replay, target).rows == ()


def test_a_birth_whose_elements_are_not_known_stands_alone(run: Any) -> None:
    replay = run(Model(torch.exp), mean, x=overflowing())
    birth = Birth("backward", 2, None, "aten.exp", "ExpBackward0", "", None, "nan", (), 0, phrase="it made a nan")
    target = cause_of(birth, replay)
    assert target.alone and target.element is None and "it made a nan" in target.text
