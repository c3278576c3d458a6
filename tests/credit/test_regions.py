"""Contributions by sample and by region: the same amounts as by unit, in other heaps."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import Contributions, contributions, parse_target
from dgmtui.credit.regions import by_region


def asked(replay: Any, text: str, by: Any) -> Contributions:
    return contributions(replay, parse_target(text, replay.graph, replay), by=by)


def mean(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).square().mean()


def total(found: Contributions, module: str) -> float:
    return sum(row.forward or 0.0 for row in (*found.rows, *found.inputs) if row.module == module)


def test_a_grid_over_a_picture() -> None:
    amount = torch.rand(3, 2, 32, 20)
    names, sums = by_region(amount, 1, 0, mean=False)
    assert len(names) == 8 * 7 and names[0] == "[0:4,0:3]" and names[-1] == "[28:32,18:20]"
    wanted = amount.double()[:, :, 28:32, 18:20]
    assert sums[-1, 0] == pytest.approx(float(wanted.sum()))
    assert by_region(amount, 1, 0, mean=True)[1][-1, 0] == pytest.approx(float(wanted.mean()))
    assert float(sums.sum()) == pytest.approx(float(amount.double().sum()))


@pytest.mark.parametrize(
    ("shape", "unit", "sample", "count", "first", "last"),
    [
        ((4, 9, 6), 2, 0, 9, "[0]", "[8]"),
        ((4, 6), 1, 0, 6, "[0]", "[5]"),
        ((4, 2, 1500), 1, 0, 500, "[0:3]", "[1497:1500]"),
        ((), None, None, 1, "[]", "[]"),
        ((2, 3, 4, 5, 6), 1, 0, 120, "[0,0,0]", "[3,4,5]"),
    ],
)
def test_positions_features_and_volumes(
    shape: tuple[int, ...], unit: int | None, sample: int | None, count: int, first: str, last: str
) -> None:
    names, sums = by_region(torch.ones(shape), unit, sample, mean=False)
    assert (len(names), names[0], names[-1]) == (count, first, last)
    assert sums.sum() == np.prod(shape, dtype=float)


@pytest.fixture
def picture(run: Any) -> Any:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 2))
    return run(model, mean, x=torch.rand(5, 1, 16, 16))


@pytest.mark.parametrize("target", ["3[1]", "3[1]@2", "3@1,4", "loss"])
@pytest.mark.parametrize("by", ["sample", "region", "module", "unit,sample"])
def test_heaps_hold_the_same_in_all(picture: Any, target: str, by: str) -> None:
    units, other = asked(picture, target, "unit"), asked(picture, target, by)
    for module in ("0", "1", "2", "input:x"):
        assert total(other, module) == pytest.approx(total(units, module), abs=1e-5)
    assert other.conserved == pytest.approx(units.conserved)


def test_samples_are_those_that_are_meant(picture: Any) -> None:
    found = asked(picture, "3[1]@2,4", "sample")
    assert {row.sample for row in found.inputs} == {2, 4}
    single = asked(picture, "3[1]@4", "module")
    mine = next(row for row in found.inputs if row.sample == 4)
    assert mine.forward == pytest.approx(total(single, "input:x"), rel=1e-5)
    assert all(row.unit is None and row.region is None for row in found.rows)


def test_regions_of_a_picture_are_where_the_relevance_is(picture: Any) -> None:
    found = asked(picture, "3[1]@2", "region")
    names = [row.region for row in found.inputs]
    assert len(names) == 64 and "[2:4,14:16]" in names
    assert all(row.unit is None for row in (*found.rows, *found.inputs))
    element = asked(picture, "0[2]@3[13,13]", "region")
    reached = {row.region for row in element.inputs if row.forward}
    assert reached <= {"[12:14,12:14]", "[12:14,14:16]", "[14:16,12:14]", "[14:16,14:16]"}


def test_a_signal_has_its_channels_where_its_convolution_says(run: Any) -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 8, 2))
    replay = run(model, mean, x=torch.rand(4, 2, 10))
    assert {row.unit for row in asked(replay, "2[1]", "unit").inputs} == {0, 1}
    assert [row.region for row in sorted(asked(replay, "2[1]", "region").inputs, key=lambda row: row.region or "")] == [
        f"[{i}]" for i in range(10)
    ]


def test_tokens_are_told_at_their_embedding(run: Any) -> None:
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    replay = run(model, mean, x=torch.randint(0, 9, (5, 3)))
    rows = [row for row in asked(replay, "2[1]@2", "region").rows if row.module == "0"]
    assert {row.region for row in rows} == {"[0]", "[1]", "[2]"} and not asked(replay, "2[1]@2", "region").inputs
