"""The demos tell the stories that they claim to tell; no part of the debugger is used here.

Training is chaotic: on another machine a demo may fail at another iteration, on another image. Only its story is fixed.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits

from dgmtui.demos import cnn, vae, vae_softplus


@pytest.fixture(scope="module")
def failure(observed: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = observed("failure", "-m", "dgmtui.demos.vae")
    return found


def losses_of(train: Callable[[], object]) -> list[float]:
    seen: list[float] = []
    bare: Callable[[torch.Tensor], None] = torch.Tensor.backward

    def backward(loss: torch.Tensor) -> None:
        seen.append(loss.item())
        bare(loss)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "backward", backward)
        train()
    return seen


def test_vae_overflows_at_exp_for_one_image_and_one_pixel(failure: dict[str, Any]) -> None:
    assert 100 <= failure["iteration"] < vae.ITERATIONS
    assert (failure["phase"], failure["op"], failure["source"]) == ("forward", "aten.exp", "return torch.exp(xv)")
    assert len({sample for sample, _ in failure["elements"]}) == 1
    assert failure["cured_without"] == [failure["elements"][0][0]]


def test_with_the_image_replaced_the_same_iteration_is_healthy(
    failure: dict[str, Any], image_number: Callable[[list[float]], int]
) -> None:
    bad = image_number(failure["batch"][failure["elements"][0][0]])
    at = failure["iteration"]
    losses = losses_of(lambda: vae.train(replace={bad: (bad + 1) % 1797}, replace_from=at, iterations=at + 1))
    assert len(losses) == at + 1 and torch.isfinite(torch.tensor(losses)).all()


def test_softplus_holds_where_the_exponential_does_not(failure: dict[str, Any]) -> None:
    iterations = 3 * (failure["iteration"] + 1)
    losses = losses_of(lambda: vae.train(vae_softplus.SoftplusVAE, iterations=iterations))
    assert len(losses) == iterations and torch.isfinite(torch.tensor(losses)).all()


def evaluated(model: cnn.CNN) -> tuple[float, list[float]]:
    """The loss over the data set and the share of zeros of each ReLU."""
    digits = load_digits()
    zeros: list[float] = []
    for relu in (model.relu1, model.relu2, model.relu3):
        relu.register_forward_hook(lambda _module, _inputs, output: zeros.append(float((output == 0).float().mean())))
    model.eval()
    with torch.no_grad():
        scores = model(torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1))
        loss = cnn.hinge_loss(scores, torch.tensor(digits.target))
    return loss.item(), zeros


def test_cnn_sticks_near_two_with_a_dead_relu() -> None:
    loss, zeros = evaluated(cnn.train())
    assert 1.8 < loss < 2.3
    assert max(zeros) >= 0.95


def test_batchnorm_cures_it() -> None:
    loss, zeros = evaluated(cnn.train(batch_norm=True))
    assert loss < 0.5
    assert max(zeros) < 0.95
