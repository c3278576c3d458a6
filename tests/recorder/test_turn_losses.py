"""The losses of an iteration's turns, one by one: a generator's and a discriminator's curves are not their mean."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import dgmtui
from dgmtui.recording import Recording, open_recording


def recorded(path: Path, loop: Callable[[], None], *models: nn.Module) -> Recording:
    with dgmtui.Recorder(path, *models[:1]):
        loop()
    return open_recording(path)


def test_each_turn_of_two_optimisers_keeps_its_loss(tmp_path: Path) -> None:
    maker, judge = nn.Linear(3, 2), nn.Linear(2, 1)
    seen: list[tuple[float, float]] = []

    def loop() -> None:
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.01) for model in (judge, maker)]
        for _ in range(5):
            first = (judge(maker(torch.randn(4, 3)).detach()) ** 2).mean()
            optimizers[0].zero_grad()
            first.backward()
            optimizers[0].step()
            second = (judge(maker(torch.randn(4, 3))) - 1).pow(2).mean()
            optimizers[1].zero_grad()
            second.backward()
            optimizers[1].step()
            seen.append((first.item(), second.item()))

    with recorded(tmp_path / "run.h5", loop, maker) as recording:
        assert recording.scalars == ("loss 1", "loss 2")
        curves = np.stack([recording.scalar(name) for name in recording.scalars], axis=1)
        assert curves.tolist() == [list(pair) for pair in seen]
        assert recording.losses().tolist() == pytest.approx(np.mean(seen, axis=1))


def test_passes_that_one_optimiser_gathers_are_no_turns(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loss() -> Tensor:
        value: Tensor = model(torch.randn(4, 3)).pow(2).mean()
        return value

    def loop() -> None:
        for _ in range(4):
            optimizer.zero_grad()
            for _ in range(3):
                loss().backward()
            optimizer.step()

    with recorded(tmp_path / "run.h5", loop, model) as recording:
        assert recording.scalars == ()
