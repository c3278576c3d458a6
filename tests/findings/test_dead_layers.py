"""What goes into activation functions: against the model itself, run with hooks, and against autograd's own slopes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmtui.demos.cnn import CNN
from dgmtui.findings.case import Case
from dgmtui.findings.layers.activations import sites
from dgmtui.findings.layers.dead_layers import dead_layers
from dgmtui.findings.layers.preactivations import SHUT, preactivations
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording import Recording, open_recording
from dgmtui.trace.replay import load_replay
from dgmtui.trace.tensors import from_stored

Trace = Callable[..., Any]
CNN_FILE = Path(__file__).parents[2] / "recordings" / "cnn.h5"


def seen_by_hooks(recording: Recording, iteration: int) -> dict[str, Tensor]:
    """What went into each ReLU, with the very model and the snapshot's parameters and images."""
    snapshot = recording.snapshot(iteration)
    assert snapshot is not None
    stored = {name: from_stored(recording.tensor(spec)) for name, spec in snapshot.tensors.items()}
    model = CNN()
    model.load_state_dict({n.removeprefix("param:"): t for n, t in stored.items() if n.startswith("param:")})
    seen: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, args, out, name=name: seen.update({name: args[0].detach()}))
    model(stored["input:argument0"])
    return seen


@pytest.mark.parametrize("iteration", [0, 8, 16, 32, 64, 256, 512])
def test_shares_are_those_of_the_model_itself(iteration: int) -> None:
    with open_recording(CNN_FILE) as recording:
        snapshot = recording.snapshot(iteration)
        assert snapshot is not None
        replay = load_replay(recording, snapshot)
        replay.forward()
        layers = {layer.site.label: layer for layer in dead_layers(Case(recording, DEFAULT), replay)}
        seen = seen_by_hooks(recording, iteration)
    assert layers.keys() == seen.keys() == {"relu1", "relu2", "relu3"}
    for name, values in seen.items():
        shut = (values <= 0).flatten(2).all(2) if values.dim() == 4 else values <= 0
        layer = layers[name]
        assert layer.here.samples == len(values)
        assert layer.here.below == pytest.approx((values <= 0).double().mean().item())
        assert layer.here.shut == pytest.approx(shut.double().mean(0).numpy())
        assert layer.dead == int(shut.all(0).sum())
        assert layer.here.silent_samples == pytest.approx(shut.all(1).double().mean().item())
        assert layer.here.highest == pytest.approx(values.max().item(), rel=1e-4)
    assert [layers[name].site.fed_by for name in layers] == ["conv1", "conv2", "fc1"]
    assert [layers[name].site.feeds for name in layers] == [("conv2",), ("fc1",), ("fc2",)]


def test_weights_and_bias_add_up_to_what_goes_in() -> None:
    with open_recording(CNN_FILE) as recording:
        snapshot = recording.snapshot(16)
        assert snapshot is not None
        replay = load_replay(recording, snapshot)
        replay.forward()
        layers = list(dead_layers(Case(recording, DEFAULT), replay))
        means = {name: values.double() for name, values in seen_by_hooks(recording, 16).items()}
    for layer in layers:
        mean = means[layer.site.label].movedim(1, 0).flatten(1).mean(1)
        for unit in layer.units:
            assert unit.from_weights is not None and unit.bias is not None
            assert unit.from_weights + unit.bias == pytest.approx(mean[unit.unit].item(), rel=1e-3, abs=1e-4)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu_": lambda x: torch.relu_(x * 1.0),
    "relu6": nn.functional.relu6,
    "leaky_relu": nn.functional.leaky_relu,
    "elu": nn.functional.elu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hardswish": nn.functional.hardswish,
    "softplus": nn.functional.softplus,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_unit_is_shut_where_the_slope_is_hardly_there(name: str, trace: Trace) -> None:
    """Unit 0 lies far below zero, 1 about it, 2 far above, 3 far below for half of the samples."""
    function = FUNCTIONS[name]
    model = nn.Linear(3, 4)
    with torch.no_grad():
        model.weight[:] = 0.01 * model.weight
        model.bias[:] = torch.tensor([-30.0, 0.0, 30.0, -14.0])
        model.weight[3] = torch.tensor([15.0, 0.0, 0.0])
    x = torch.randn(10, 3)
    x[:, 0] = torch.where(torch.arange(10) < 5, -1.0, 1.0)
    _, replay = trace(model, lambda m, x: function(m(x)).square().mean(), x=x)
    replay.forward()
    replay.backward()
    (site,) = sites(replay.graph)
    here = preactivations(replay, site)
    taken = model(x).detach().requires_grad_()
    (slope,) = torch.autograd.grad(function(taken).sum(), taken)
    assert here.shut == pytest.approx((slope.abs() < SHUT).double().mean(0).numpy())
    assert here.unit_below == pytest.approx((taken <= 0).double().mean(0).numpy())
    dead = set(np.flatnonzero(here.dead).tolist())
    expected = {"leaky_relu": set(), "relu6": {0, 2}, "sigmoid": {0, 2}, "tanh": {0, 2}}
    assert dead == expected.get(name, {0})


def test_what_feeds_and_what_is_fed_is_read_through_pooling_and_normalisation(trace: Trace) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.last = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4 * 9, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2).flatten(1))

    _, replay = trace(Net(), lambda m, x: m(x).mean(), x=torch.randn(5, 1, 8, 8))
    (site,) = sites(replay.graph)
    assert (site.fed_by, site.feeds, site.module) == ("norm", ("last",), "")
    assert site.label.startswith("relu at test_dead_layers.py:")


def test_a_layer_whose_gradient_is_silent_is_told_with_what_still_moved_it(
    synthetic: Callable[..., Any], plain: Any
) -> None:
    from dgmtui.findings.layers.aftermath import listed, silent_since
    from dgmtui.recording.model import Quantity

    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(absmax=0.0) if quantity == Quantity.WEIGHT_GRADIENT and row >= 12 else None

    recording = synthetic({"a": ("Linear", 3)}, np.ones(30), statistics)
    case = Case(recording, DEFAULT)
    channel = case.channel("a", Quantity.WEIGHT_GRADIENT)
    assert channel is not None
    assert silent_since(case, channel) == 12
    assert silent_since(case, channel, 12) is None and silent_since(case, channel, 14) == 12
    assert listed(["a"]) == "`a`" and listed(["a", "b"]) == "`a` and `b`" and listed(list("abcdef")).endswith("2 more")
