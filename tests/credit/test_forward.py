"""Forward contributions over whole models: conservation, grouping, and the awkward ways models are written."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import Contributions, Propagation, forward_contributions, parse_target
from dgmtui.errors import CreditError
from dgmtui.trace.progress import Cancelled, Progress
from tests.credit.conftest import squared


def asked(replay: Any, text: str, **options: Any) -> Contributions:
    return forward_contributions(replay, parse_target(text, replay.graph, replay), **options)


def by_module(found: Contributions) -> dict[str, float]:
    totals: dict[str, float] = {}
    for row in found.rows:
        totals[row.module] = totals.get(row.module, 0.0) + (row.forward or 0.0)
    return totals


def random_mlp(widths: list[int], bias: bool, activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
        layers += [nn.Linear(a, b, bias=bias)] + ([activation()] if i < len(widths) - 2 else [])
    return nn.Sequential(*layers)


@settings(max_examples=25)
@given(
    widths=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    bias=st.booleans(),
    activation=st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.LeakyReLU]),
    batch=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_mlps_conserve(
    run: Any, widths: list[int], bias: bool, activation: type[nn.Module], batch: int, seed: int
) -> None:
    torch.manual_seed(seed)
    conserve(
        run, random_mlp(widths, bias, activation).double(), torch.randn(batch, widths[0], dtype=torch.float64), bias
    )


@settings(max_examples=20)
@given(
    channels=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    bias=st.booleans(),
    pool=st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]),
    transposed=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_cnns_conserve(run: Any, channels: list[int], bias: bool, pool: Any, transposed: bool, seed: int) -> None:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for a, b in zip([2, *channels], channels, strict=False):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=bias), nn.ReLU()]
    layers += [pool(2), nn.Flatten(), nn.Linear(channels[-1] * 16, 3, bias=bias)]
    if transposed:
        layers.insert(2, nn.ConvTranspose2d(channels[0], channels[0], 3, padding=1, bias=bias))
    conserve(run, nn.Sequential(*layers).double(), torch.randn(3, 2, 8, 8, dtype=torch.float64), bias)


def conserve(run: Any, model: nn.Sequential, x: Tensor, bias: bool) -> None:
    """What arrives at inputs (and biases) is the target, but for what ε takes where a z is as small as ε."""
    found = asked(run(model, squared, x=x), f"{len(model) - 1}[0]", propagation=Propagation(epsilon=1e-12))
    value = found.target.value
    scale = abs(value) + abs(found.conserved["bias"]) + abs(found.conserved["inputs"])
    arrived = found.conserved["inputs"] + (found.conserved["bias"] if bias else 0.0)
    assert abs(arrived - value) <= 1e-4 * scale
    assert found.conserved["approximate"] == found.conserved["random"] == 0
    if not bias:
        assert found.conserved["bias"] == 0
        for total in by_module(found).values():
            assert abs(total - value) <= 1e-4 * scale


def test_a_float32_classifier_conserves(run: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    replay = run(model, lambda m, x, y: F.cross_entropy(m(x), y), x=torch.rand(16, 1, 8, 8), y=torch.arange(16) % 10)
    for sample in (0, 7):
        found = asked(replay, f"4[3]@{sample}")
        assert abs(found.conserved["lost"]) < 1e-4 * max(1, abs(found.conserved["bias"]))


def test_only_what_the_target_depends_on_has_rows(run: Any) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(self.a(x)) + self.b(x).sum()

    found = asked(run(Two(), squared, x=torch.randn(4, 3)), "c[1]")
    assert set(by_module(found)) == {"a"}


def test_a_sample_gets_credit_from_itself_alone(run: Any) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    replay = run(model, squared, x=torch.randn(6, 5))
    found = asked(replay, "2[1]@3", by="unit,sample")
    assert {row.sample for row in found.rows} == {3}
    assert {row.sample for row in found.inputs} == {3}
    summed = asked(replay, "2[1]@3")
    alone = {(row.module, row.unit): row.forward for row in found.rows}
    assert {(row.module, row.unit): row.forward for row in summed.rows} == pytest.approx(alone)
    hidden = replay.value(replay.graph.calls[1].outputs[0])
    values = {row.unit: row.value for row in summed.rows if row.module == "0"}
    assert values == pytest.approx({unit: float(hidden[3, unit]) for unit in range(4)})


def test_grouping_by_module_adds_the_units_up(run: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2))
    replay = run(model, squared, x=torch.randn(2, 1, 8, 8))
    units = asked(replay, "3[0]")
    modules = asked(replay, "3[0]", by="module")
    assert {row.module: row.forward for row in modules.rows} == pytest.approx(by_module(units), rel=1e-4)
    assert [abs(row.forward or 0) for row in units.rows] == sorted(
        (abs(r.forward or 0) for r in units.rows), reverse=True
    )


def test_in_place_activation_is_the_same_as_functional(run: Any) -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 4)
    tables = []
    for in_place in (False, True):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=in_place), nn.Linear(6, 2))
        tables.append(asked(run(model, squared, x=x), "2[0]"))
    assert tables[0].rows == tables[1].rows
    assert any(row.value < 0 for row in tables[1].rows if row.module == "0")


def test_in_place_change_of_a_view_takes_the_relevance_of_its_part(run: Any) -> None:
    class Viewed(nn.Module):
        def __init__(self, in_place: bool) -> None:
            super().__init__()
            self.a, self.b, self.out, self.in_place = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 2), in_place

        def forward(self, x: Tensor) -> Tensor:
            h, other = self.a(x), self.b(x)
            if self.in_place:
                h[:, :2] = other
                h[:, 3].mul_(2.0)
            else:
                h = torch.cat([other, h[:, 2:3], h[:, 3:] * 2.0], 1)
            return self.out(h)

    x = torch.randn(3, 4)
    found = []
    for in_place in (False, True):
        torch.manual_seed(3)
        found.append(asked(run(Viewed(in_place), squared, x=x), "out[1]"))
    plain, viewed = ({(r.module, r.unit): r.forward for r in table.rows} for table in found)
    assert viewed == pytest.approx(plain, rel=1e-4, abs=1e-6)
    assert abs(plain["b", 0] or 0) > 0 and plain["a", 0] == 0


def test_a_module_called_twice_has_the_sum_of_its_calls(run: Any) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc, self.out = nn.Linear(3, 4, bias=False), nn.Linear(8, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.cat([self.enc(x), self.enc(x.flip(1))], 1))

    found = asked(run(Shared(), squared, x=torch.randn(2, 3)), "out[0]")
    assert by_module(found)["enc"] == pytest.approx(found.target.value, rel=1e-4)
    assert len([row for row in found.rows if row.module == "enc"]) == 4


def test_the_reparametrised_sample_of_a_vae(run: Any) -> None:
    class Vae(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mu, self.logvar, self.dec = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(3, 6, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            std = (0.5 * self.logvar(x)).exp()
            return self.dec(self.mu(x) + torch.randn_like(std) * std)

    found = asked(run(Vae(), squared, x=torch.randn(4, 6)), "dec[2]@1")
    totals = by_module(found)
    assert totals["mu"] + totals["logvar"] == pytest.approx(found.target.value, rel=1e-4)
    assert found.conserved["random"] == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(run: Any, dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 2, bias=False)).to(dtype)
    found = asked(run(model, squared, x=torch.randn(4, 8, dtype=dtype)), "2[0]@1")
    assert found.conserved["inputs"] == pytest.approx(found.target.value, rel=0.05)
    assert math.isfinite(found.rows[0].forward or math.nan)


def test_the_loss_is_a_target_and_its_approximations_are_named(run: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    replay = run(model, lambda m, x: m(x).prod(1).sum(), x=torch.randn(5, 4))
    found = asked(replay, "loss")
    assert found.approximate_ops == ("aten.prod",)
    assert found.rows and all(row.approximate for row in found.rows)
    total = sum(found.conserved.values())
    assert total == pytest.approx(found.target.value, rel=1e-4)


def test_a_zero_target_shows_the_terms_that_cancel(run: Any) -> None:
    model = nn.Sequential(nn.Identity(), nn.Linear(2, 1, bias=False))
    model[1].weight.data = torch.tensor([[1.0, -1.0]])
    found = asked(run(model, squared, x=torch.full((1, 2), 3.0)), "1[0]")
    assert {row.unit: row.forward for row in found.inputs} == pytest.approx({0: 3.0, 1: -3.0})
    assert "zero" in found.note


def test_other_samples_that_are_not_finite_do_no_harm(run: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(4, 3)
    x[2, 1] = math.inf
    found = asked(run(model, squared, x=x, backward=False), "2[0]@1")
    assert all(math.isfinite(row.forward or 0) for row in (*found.rows, *found.inputs))
    assert sum(found.conserved.values()) == pytest.approx(found.target.value, rel=1e-3)


def test_a_target_of_integers_is_refused(run: Any) -> None:
    replay = run(nn.Linear(3, 3), lambda m, x: (m(x) * m(x).argmax(1, keepdim=True)).sum(), x=torch.randn(2, 3))
    node = next(node.id for node in replay.graph.nodes if node.name == "aten.argmax")
    with pytest.raises(CreditError, match="floating"):
        asked(replay, f"node:{node}")


def test_a_sweep_can_be_cancelled(run: Any) -> None:
    replay = run(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), squared, x=torch.randn(2, 3))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        asked(replay, "1[0]", progress=progress)
