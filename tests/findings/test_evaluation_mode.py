"""A model with dropout or batch norm that trains in evaluation mode is told, with the iteration since which it does."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import dgmtui.findings.detectors  # noqa: F401
from dgmtui.findings.model import Severity
from dgmtui.recording import Recording
from tests.findings.training import data, found, network, recorded, usual

NAME = "evaluation_mode"


def train(path: Path, model: nn.Module, before: Callable[[int], object]) -> Recording:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    plain = usual(optimizer)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        before(iteration)
        plain(iteration, loss)

    return recorded(path, model, optimizer, step)


def evaluated_at(model: nn.Module, at: int, *, back: bool) -> Callable[[int], None]:
    x, _ = data()

    def before(iteration: int) -> None:
        if iteration == at:
            model.eval()
            with torch.no_grad():
                model(x)
            model.train(back)

    return before


@pytest.mark.parametrize("at", [0, 23])
@pytest.mark.parametrize("layer", [nn.Dropout(0.2), nn.BatchNorm1d(16)])
def test_left_in_evaluation_mode(tmp_path: Path, at: int, layer: nn.Module) -> None:
    model = network(layer)
    (finding,) = found(train(tmp_path / "r.h5", model, evaluated_at(model, at, back=False)), NAME)
    assert finding.severity is Severity.WARNING and finding.onset == at and finding.module == ""
    assert ("drops nothing" if isinstance(layer, nn.Dropout) else "running statistics") in finding.message


@pytest.mark.parametrize("layers", [(nn.Dropout(0.2),), ()])
def test_put_back_or_without_anything_that_differs(tmp_path: Path, layers: tuple[nn.Module, ...]) -> None:
    model = network(*layers)
    assert found(train(tmp_path / "r.h5", model, evaluated_at(model, 23, back=bool(layers))), NAME) == []


def test_dropout_of_zero_differs_in_nothing(tmp_path: Path) -> None:
    model = network(nn.Dropout(0.0))
    assert found(train(tmp_path / "r.h5", model, evaluated_at(model, 0, back=False)), NAME) == []


def test_batch_norm_frozen_within_a_model_that_trains_is_worth_knowing_only(tmp_path: Path) -> None:
    model = network(nn.BatchNorm1d(16))
    recording = train(tmp_path / "r.h5", model, lambda iteration: model.train() and model[1].eval())
    (finding,) = found(recording, "frozen_batch_norm")
    assert finding.severity is Severity.INFO and finding.module == "1"
