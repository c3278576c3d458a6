"""Agreement with captum's LRP, an implementation that shares nothing with ours."""

from typing import Any

import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn

from dgmtui.credit import Propagation, parse_target
from dgmtui.credit.forward import seed_of
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.sweep import Reader, Sweep

EPSILON = 1e-6


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 4))


class Flattening(nn.Sequential):
    """captum knows no Flatten module."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in list(self)[:-1]:
            x = layer(x)
        logits: Tensor = self[-1](x.flatten(1))
        return logits


def cnn() -> nn.Sequential:
    return Flattening(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Linear(8, 4),
    )


def captum_relevance(model: nn.Sequential, x: Tensor, unit: int) -> Tensor:
    for module in model:
        if not isinstance(module, nn.ReLU | nn.Tanh):
            # Max pooling moves relevance as it is with us; captum divides by its output there too.
            module.rule = EpsilonRule(1e-30 if isinstance(module, nn.MaxPool2d) else EPSILON)  # type: ignore[assignment]
    relevance: Tensor = LRP(model).attribute(x.clone().requires_grad_(), target=unit)
    return relevance.detach()


@pytest.mark.parametrize(("make", "shape"), [(mlp, (5, 12)), (cnn, (3, 2, 12, 12))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_relevance_of_the_input_agrees(run: Any, make: Any, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    model = make().to(dtype)
    x = torch.randn(*shape, dtype=dtype)
    replay = run(model, lambda model, x: model(x).square().sum(), x=x)
    target = parse_target(f"{len(model) - 1}[2]", replay.graph, replay)
    seed = seed_of(replay, target, Outputs(replay.graph), EPSILON)
    ours = Sweep(Reader(replay), Propagation()).run({target.ref: seed}, lambda *_: False).arrived["input:x"]
    theirs = captum_relevance(model, x, 2)
    assert float(theirs.norm()) > 0
    assert float((ours - theirs).norm() / theirs.norm()) < (1e-4 if dtype == torch.float32 else 1e-10)
