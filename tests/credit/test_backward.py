"""Backward contributions: over any cut they add up to the gradient, and finite differences agree."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import backward_contributions, contributions, parse_target
from dgmtui.credit.aliases import Aliases
from dgmtui.credit.model import Contributions
from dgmtui.credit.sweep import Reader
from dgmtui.credit.tangents import push_forward
from tests.credit.conftest import squared


def asked(replay: Any, text: str, **options: Any) -> Contributions:
    return backward_contributions(replay, parse_target(text, replay.graph, replay), **options)


def by_module(found: Contributions) -> dict[str, float]:
    totals: dict[str, float] = {}
    for row in found.rows:
        totals[row.module] = totals.get(row.module, 0.0) + (row.backward or 0.0)
    return totals


def close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-4, abs_tol=1e-7)


class Vae(nn.Module):
    """With a skip connection, a draw, batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True))
        self.mu, self.logvar = nn.Linear(8, 3), nn.Linear(8, 3)
        self.dec, self.skip, self.drop = nn.Linear(3, 6), nn.Linear(8, 6), nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(self.drop(z)) + self.skip(h)


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 3, 2),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(3, 2),
    )


@pytest.mark.parametrize("sample", ["", "@2"])
@pytest.mark.parametrize("layer", range(8))
def test_every_layer_of_a_cnn_is_a_cut(run: Any, layer: int, sample: str) -> None:
    replay = run(cnn().double(), squared, x=torch.rand(5, 1, 9, 9, dtype=torch.float64))
    shape = replay.graph.meta(parse_target(f"{layer}", replay.graph, replay).ref).shape
    found = asked(replay, f"{layer}[{min(1, shape[1] - 1)}]{sample}")
    gradient = found.conserved["gradient"]
    totals = by_module(found)
    assert set(totals) == {"", *(str(later) for later in range(layer + 1, 9))}
    assert all(close(total, gradient) for total in totals.values())
    assert close(found.conserved["arrived"], gradient)


@pytest.mark.parametrize("sample", ["", "@3"])
def test_parallel_ways_form_a_cut_together(run: Any, sample: str) -> None:
    replay = run(Vae(), squared, x=torch.randn(6, 6))
    found = asked(replay, f"enc.2[1]{sample}")
    totals, gradient = by_module(found), found.conserved["gradient"]
    assert abs(gradient) > 1e-6
    assert close(totals["mu"] + totals["logvar"] + totals["skip"], gradient)
    assert close(totals["drop"] + totals["skip"], gradient)
    assert close(totals["dec"] + totals["skip"], gradient)
    assert close(totals[""], gradient)


@pytest.mark.parametrize("target", ["0[2]", "1[0]@1", "2[1]"])
def test_finite_differences_agree(run: Any, target: str) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    replay = run(model, squared, x=x)
    found = asked(replay, target)
    aim, step = found.target, 1e-6
    layer = int(aim.module)

    def outputs(shift: float) -> dict[int, Tensor]:
        value, seen = x, {}
        for i, module in enumerate(model):
            value = module(value)
            if i == layer:
                value = value.clone()
                rows = slice(None) if aim.sample is None else aim.sample
                value[rows, aim.unit] += shift
            seen[i] = value
        return seen

    with torch.no_grad():
        above, below = outputs(step), outputs(-step)
    for row in found.rows:
        if not row.module:
            continue
        i = int(row.module)
        slope = ((above[i] - below[i]) / (2 * step))[:, row.unit]
        middle = outputs(0.0)[i].detach().requires_grad_()
        value = middle
        for module in list(model)[i + 1 :]:
            value = module(value)
        (gradient,) = torch.autograd.grad(value.square().mean(), middle)
        assert row.backward == pytest.approx(float((gradient[:, row.unit] * slope).sum()), rel=1e-5, abs=1e-9)


def test_a_module_called_twice(run: Any) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.twice, self.out = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(6, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x)
            return self.out(torch.cat([self.twice(h), self.twice(-h)], 1))

    found = asked(run(Shared(), squared, x=torch.randn(4, 3)), "first[1]")
    assert close(by_module(found)["twice"], found.conserved["gradient"])


def test_in_place_changes_of_views(run: Any) -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.out = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x)
            other = self.b(h.tanh())
            h = h.clone()
            h[:, :2] = other
            h[:, 3].mul_(2.0)
            return self.out(h)

    model = Viewed()
    replay = run(model, squared, x=torch.randn(3, 4))
    for unit in range(4):
        found = asked(replay, f"a[{unit}]")
        assert close(by_module(found)["out"], found.conserved["gradient"])
        assert close(found.conserved["arrived"], found.conserved["gradient"])


def test_detached_ways_count_nothing(run: Any) -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x)
            with torch.no_grad():
                scale = h.norm()
            return (self.b(h) + self.c(h.detach())) / scale

    found = asked(run(Detached(), squared, x=torch.randn(4, 3)), "a[0]")
    assert set(by_module(found)) == {"b", ""}
    assert close(by_module(found)["b"], found.conserved["gradient"])


def test_an_operation_without_a_forward_derivative_is_differentiated_twice(run: Any) -> None:
    grid = torch.rand(2, 4, 4, 2) - 0.5

    def warp(model: nn.Module, x: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(model(x), grid, align_corners=True).square().mean()

    found = asked(run(nn.Conv2d(1, 3, 3), warp, x=torch.randn(2, 1, 8, 8), grid=grid), ".[1]")
    assert found.conserved["gradient"] != 0 and not found.note
    assert close(found.conserved["arrived"], found.conserved["gradient"])


def test_an_operation_without_either_is_named(run: Any) -> None:
    def attend(model: nn.Module, x: Tensor) -> Tensor:
        h = model(x)
        return F.scaled_dot_product_attention(h, h, h).square().mean()

    found = asked(run(nn.Linear(4, 4), attend, x=torch.randn(2, 2, 5, 4)), ".")
    assert "aten._scaled_dot_product_flash_attention_for_cpu (node" in found.note
    assert found.conserved["arrived"] == 0


def test_nonfinite_gradients_are_said_to_be_so(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    x = torch.zeros(2, 3)
    x[1] = 1000.0
    replay = run(model, lambda m, x: m(x).abs().exp().sum(), x=x)
    found = asked(replay, "0[1]")
    assert any(row.backward is None for row in found.rows)
    assert "healthy snapshot" in found.note
    assert all(math.isfinite(value) for value in found.conserved.values())


def test_both_directions_stand_in_one_table(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    replay = run(model, squared, x=torch.randn(6, 3))
    found = contributions(replay, parse_target("2[1]", replay.graph, replay))
    assert {row.module for row in found.rows if row.forward is not None} == {"0", "1"}
    assert {row.module for row in found.rows if row.backward is not None} == {"3", "4", ""}
    order = [(abs(row.forward or 0), abs(row.backward or 0)) for row in found.rows]
    assert order == sorted(order, reverse=True)
    assert {"inputs", "bias", "gradient"} <= set(found.conserved)
    forward_only = contributions(replay, parse_target("loss", replay.graph, replay))
    assert all(row.backward is None for row in forward_only.rows)


def test_grouped_by_sample_the_parts_add_up(run: Any) -> None:
    replay = run(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), squared, x=torch.randn(6, 3))
    units = {(r.module, r.unit): r.backward for r in asked(replay, "0[1]").rows}
    samples: dict[Any, float] = {}
    for row in asked(replay, "0[1]", by="unit,sample").rows:
        samples[row.module, row.unit] = samples.get((row.module, row.unit), 0.0) + (row.backward or 0.0)
    assert {k: v for k, v in samples.items() if v} == pytest.approx({k: v for k, v in units.items() if v})


def test_tangents_reach_the_loss_only_through_what_moves(run: Any) -> None:
    replay = run(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), squared, x=torch.randn(2, 3))
    seen: list[Any] = []
    start = replay.graph.calls[-1].outputs[0]
    push_forward(Reader(replay), torch.ones_like(replay.value(start)), start, lambda ref, _: seen.append(ref))
    assert seen[-1] == replay.graph.loss and all(ref.node > start.node for ref in seen)
    assert Aliases(replay.graph)._changes == {}
