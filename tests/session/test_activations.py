"""What a batch is taken for: which of its tensors are labels, which are inputs, and where units lie."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.errors import UsageError
from dgmtui.session.activations import activations_of, inputs_of, labels_of
from tests.credit.conftest import trace


def made(model: nn.Module, step: Any, **inputs: Tensor) -> Any:
    _, replay = trace(model, step, **inputs)
    replay.forward()
    return SimpleNamespace(replay=replay, snapshot=SimpleNamespace(extra={}), edits=())


class Users(nn.Module):
    """Two integer inputs, one of which is looked up in a table."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(20, 6), nn.Linear(6, 4)

    def forward(self, who: Tensor) -> Tensor:
        scores: Tensor = self.out(self.table(who))
        return scores


def test_labels_go_into_the_loss_and_not_into_a_table() -> None:
    who, y = torch.arange(8) + 3, torch.arange(8) % 4
    found = made(Users(), lambda model, who, y: F.cross_entropy(model(who), y), who=who, y=y)
    labels = labels_of(found)
    assert labels is not None and labels.tolist() == y.tolist()


def test_without_an_integer_target_there_are_no_labels() -> None:
    x = torch.randn(8, 5)
    found = made(nn.Linear(5, 5), lambda model, x: F.mse_loss(model(x), x), x=x)
    assert labels_of(found) is None
    assert list(inputs_of(found.replay.graph)) == ["input:x"]


def test_units_and_samples_come_first_whatever_the_layout() -> None:
    x = torch.randn(4, 7, 5)  # batch, time, feature
    found = made(nn.Sequential(nn.Linear(5, 3)), lambda model, x: model(x).square().mean(), x=x)
    done = activations_of(found, "0")
    assert done.values.shape == (4, 3, 7) and done.positions == (7,)
    output = found.replay.output(found.replay.graph.calls[-1])
    assert torch.equal(torch.tensor(done.values), output.transpose(1, 2))
    assert done.means == pytest.approx(output.mean(1).numpy(), abs=1e-6)
    assert done.place(2, 1) == (int(output[2, :, 1].argmax()),)


def test_a_scalar_has_no_units() -> None:
    class Scalar(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum()

    found = made(Scalar(), lambda model, x: model(x) * 2, x=torch.randn(4, 3, requires_grad=True))
    with pytest.raises(UsageError, match="no units"):
        activations_of(found, "")
    with pytest.raises(UsageError, match="gave out no tensor"):
        activations_of(found, "elsewhere")
