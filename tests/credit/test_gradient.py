"""A parameter's gradient as a target: against autograd sample by sample, and finite differences."""

from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import Contributions, chain, contributions, parse_target
from dgmtui.errors import CreditError
from tests.credit.conftest import squared


def asked(replay: Any, text: str, **options: Any) -> Contributions:
    return contributions(replay, parse_target(text, replay.graph, replay), **options)


def totals(found: Contributions, side: str) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for row in found.rows:
        if (amount := getattr(row, side)) is not None:
            sums[row.module] += amount
    return sums


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3)).double()


WIDE = {"dtype": torch.float64}


def test_samples_are_as_autograd_gives_them_one_by_one(run: Any) -> None:
    model, x = network(), torch.randn(7, 4, **WIDE)
    replay = run(model, squared, x=x)
    found = asked(replay, "grad:2.weight[3,1]", by="sample")
    one_by_one = []
    for row in x:
        model.zero_grad()
        (model(row[None]).square().mean() / len(x)).backward()
        one_by_one.append(float(model[2].weight.grad[3, 1]))  # type: ignore[union-attr, index]
    for side, module in (("forward", "1"), ("backward", "2"), ("backward", "4")):
        rows = {row.sample: getattr(row, side) for row in found.rows if row.module == module}
        assert [rows[i] for i in range(7)] == pytest.approx(one_by_one, rel=1e-9)
    assert found.target.value == pytest.approx(sum(one_by_one), rel=1e-9)


@pytest.mark.parametrize("text", ["grad:2.weight[3,1]", "grad:2.weight[3]", "grad:2.weight", "grad:0.weight[0:2,1]"])
def test_every_cut_adds_up_to_the_gradient(run: Any, text: str) -> None:
    replay = run(network(), squared, x=torch.randn(7, 4, **WIDE))
    found = asked(replay, text)
    layer = int(text[5])
    down, up = totals(found, "backward"), totals(found, "forward")
    assert set(down) == {"", *(str(i) for i in range(layer, 5))}
    assert all(total == pytest.approx(found.target.value, rel=1e-9) for total in down.values())
    if layer:
        assert up["1"] == pytest.approx(found.target.value, rel=1e-9)
    conserved = found.conserved
    assert conserved["gradient"] == pytest.approx(conserved["arrived"], rel=1e-9)
    ended = sum(conserved[name] for name in ("inputs", "bias", "random", "approximate", "lost"))
    assert ended == pytest.approx(found.target.value, rel=1e-9)


def test_units_upstream_are_what_the_weight_multiplied(run: Any) -> None:
    model, x = network(), torch.randn(7, 4, **WIDE)
    replay = run(model, squared, x=x)
    found = asked(replay, "grad:2.weight[3]")
    weight_gradient = replay.gradients["param:2.weight"][3]
    rows = {row.unit: row.forward for row in found.rows if row.module == "1"}
    assert [rows[i] for i in range(6)] == pytest.approx(weight_gradient.tolist(), rel=1e-9)


def test_the_gradient_agrees_with_finite_differences(run: Any) -> None:
    model, x = network(), torch.randn(7, 4, **WIDE)
    value = parse_target("grad:2.weight[3,1]", (replay := run(model, squared, x=x)).graph, replay).value
    step, losses = 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            model[2].weight[3, 1] += sign * step  # type: ignore[index, operator]
            losses.append(float(squared(model, x)))
            model[2].weight[3, 1] -= sign * step  # type: ignore[index, operator]
    assert value == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-6)


def test_a_bias_comes_by_no_unit_upstream(run: Any) -> None:
    replay = run(network(), squared, x=torch.randn(7, 4, **WIDE))
    found = asked(replay, "grad:2.bias[3]")
    assert not any(row.forward for row in found.rows)
    assert found.conserved["bias"] == pytest.approx(found.target.value, rel=1e-9)
    assert totals(found, "backward")["2"] == pytest.approx(found.target.value, rel=1e-9)


def test_convolutions_norms_and_pictures(run: Any) -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.GELU(), nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Flatten(),
        nn.LayerNorm(64), nn.Linear(64, 2),
    ).double()  # fmt: skip
    x = torch.randn(5, 2, 8, 8, **WIDE)
    replay = run(model, squared, x=x)
    for parameter, before in (
        ("1.weight[1]", "0"), ("3.weight[1,2,0,1]", "2"), ("4.weight[3]", "3"), ("6.weight[17]", "5"),
        ("7.weight[1,5]", "6"),
    ):  # fmt: skip
        found = asked(replay, f"grad:{parameter}")
        assert abs(found.target.value) > 1e-9
        assert totals(found, "forward")[before] == pytest.approx(found.target.value, rel=1e-6), parameter
        assert totals(found, "backward")["7"] == pytest.approx(found.target.value, rel=1e-6), parameter
    for parameter in ("1.bias[1]", "4.bias", "6.bias[3]"):
        found = asked(replay, f"grad:{parameter}")
        assert found.conserved["bias"] == pytest.approx(found.target.value, rel=1e-6), parameter
        assert not found.approximate_ops


def test_a_layer_used_twice_adds_up_over_both_uses(run: Any) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = x
            for _ in range(3):
                h = torch.tanh(self.cell(h))
            result: Tensor = self.head(h)
            return result

    replay = run(Twice().double(), squared, x=torch.randn(6, 4, **WIDE))
    found = asked(replay, "grad:cell.weight[2,1]", by="sample")
    assert found.target.value == pytest.approx(float(replay.gradients["param:cell.weight"][2, 1]), rel=1e-12)
    assert totals(found, "backward")["head"] == pytest.approx(found.target.value, rel=1e-9)
    conserved = found.conserved
    assert sum(conserved[n] for n in ("inputs", "bias", "random", "approximate", "lost")) == pytest.approx(
        found.target.value, rel=1e-9
    )


def test_an_embedding_row_comes_by_the_samples_that_hold_its_token(run: Any) -> None:
    model = nn.Sequential(nn.Embedding(6, 4), nn.Flatten(), nn.Linear(12, 2)).double()
    tokens = torch.tensor([[0, 1, 2], [3, 3, 3], [1, 4, 5], [0, 0, 2]])
    replay = run(model, squared, x=tokens)
    found = asked(replay, "grad:0.weight[1]", by="sample")
    by_sample = {row.sample for row in found.rows if row.module == "0" and row.backward}
    assert by_sample == {0, 2}
    assert found.conserved["inputs"] == pytest.approx(found.target.value, rel=1e-9)


def test_what_is_no_product_is_marked(run: Any) -> None:
    class Power(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc, self.power = nn.Linear(3, 2), nn.Parameter(torch.tensor([1.5, 2.5]))

        def forward(self, x: Tensor) -> Tensor:
            return self.enc(x).abs().pow(self.power)

    replay = run(Power().double(), squared, x=torch.randn(5, 3, **WIDE))
    found = asked(replay, "grad:power[1]")
    assert "aten.pow" in found.approximate_ops
    conserved = found.conserved
    assert sum(conserved[n] for n in ("inputs", "bias", "random", "approximate", "lost")) == pytest.approx(
        found.target.value, rel=1e-9
    )


def test_a_chain_of_a_gradient_says_what_to_ask_instead(run: Any) -> None:
    replay = run(network(), squared, x=torch.randn(7, 4, **WIDE))
    with pytest.raises(CreditError, match=r"`credit grad:2.weight\[3,1\]` says which units made it"):
        chain(replay, parse_target("grad:2.weight[3,1]", replay.graph, replay))


def test_without_a_backward_pass_there_is_no_gradient(run: Any) -> None:
    replay = run(network(), squared, backward=False, x=torch.randn(7, 4, **WIDE))
    with pytest.raises(CreditError, match="no backward pass"):
        parse_target("grad:2.weight", replay.graph, replay)
