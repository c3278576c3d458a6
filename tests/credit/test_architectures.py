"""Chains through whole architectures: they end at the planted sample and pass the planted unit."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import Chain, chain
from dgmtui.trace.birth import first_birth

SAMPLES = 6


def chain_of(replay: Any) -> Chain:
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "forward", birth
    return chain(replay, birth)


def units(found: Chain) -> list[tuple[str, int | None]]:
    return [(link.module, link.unit) for link in found.links]


class Attention(nn.Module):
    """One head, written by hand, as in many a notebook."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2) / math.sqrt(x.shape[-1])
        return x + self.out(scores.softmax(-1) @ self.value(x))


class Encoder(nn.Module):
    """A layer between an input and an output projection."""

    def __init__(self, layer: nn.Module, width: int = 8) -> None:
        super().__init__()
        self.embed, self.layer, self.head = nn.Linear(4, width), layer, nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(x)))


def plant_head(head: nn.Linear, unit: int, factor: float) -> None:
    """Let one output be far larger than the others."""
    with torch.no_grad():
        head.weight.mul_(0.1)
        head.bias.zero_()
        head.weight[unit] = head.weight[unit].sign() * factor


@pytest.mark.parametrize("layer", ["by hand", "torch"])
@pytest.mark.parametrize("training", [True, False])
def test_transformer_encoder_overflow_of_one_sample(run: Any, layer: str, training: bool) -> None:
    torch.manual_seed(1)
    made = Attention(8) if layer == "by hand" else nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = Encoder(made).train(training)
    plant_head(model.head, 2, 90.0 if layer == "torch" else 3.0)
    x = torch.randn(SAMPLES, 5, 4) * 0.1
    x[4] = torch.randn(5, 4) * (0.1 if layer == "torch" else 50.0)
    if layer == "torch":
        with torch.no_grad():  # the last norm gives ± 2.6 at most: one sample's position meets the head's signs
            wanted = model.head.weight[2].sign()
            model.layer.norm2.weight.fill_(1.0)
            model.layer.linear2.weight.mul_(0.01)
            model.layer.self_attn.out_proj.weight.mul_(0.01)
            x[4, 3] = torch.linalg.lstsq(model.embed.weight, wanted.unsqueeze(1) * 50).solution.squeeze()
    replay = run(model, lambda m, x: m(x).exp().mean(), x=x)
    found = chain_of(replay)
    assert units(found)[0] == ("head", 2)
    assert found.links[-1].module == "input:x", found.sentence
    assert {link.sample for link in found.links} == {4}


class Recurrent(nn.Module):
    """Many steps of a cell, or one fused layer, and a head on the last output."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.rnn = nn.LSTM(3, 5, batch_first=True) if fused else nn.LSTMCell(3, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.fused:
            return self.head(self.rnn(x)[0][:, -1])
        h, c = x.new_zeros(len(x), 5), x.new_zeros(len(x), 5)
        for t in range(x.shape[1]):
            h, c = self.rnn(x[:, t], (h, c))
        return self.head(h)


@pytest.mark.parametrize("fused", [True, False], ids=["nn.LSTM", "LSTMCell"])
def test_lstm_ends_at_the_sample_and_passes_the_unit(run: Any, fused: bool) -> None:
    torch.manual_seed(2)
    model = Recurrent(fused)
    hidden = 5
    with torch.no_grad():
        weight = model.rnn.weight_ih_l0 if fused else model.rnn.weight_ih
        recurrent = model.rnn.weight_hh_l0 if fused else model.rnn.weight_hh
        recurrent.mul_(0.1)
        weight.mul_(0.1)
        for gate in range(4):  # unit 3 opens every gate for feature 1
            weight[gate * hidden + 3, 1] = 20.0
        model.head.weight.mul_(0.1)
        model.head.weight[1, 3] = 300.0
    x = torch.randn(SAMPLES, 6, 3) * 0.01
    x[2, 5, 1] = 4.0
    found = chain_of(run(model, lambda m, x: m(x).exp().mean(), x=x))
    assert units(found)[:2] == [("head", 1), ("rnn", 3)]
    assert {link.sample for link in found.links} == {2}
    last = found.links[-1]
    assert (last.module, last.element) == ("input:x", (2, 5, 1)), found.sentence


class UNet(nn.Module):
    """Two levels with a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.relu(self.down(x))
        deep = F.relu(self.deep(F.max_pool2d(skip, 2)))
        return self.out(torch.cat([skip, self.up(deep)], 1))


@pytest.mark.parametrize("through", ["skip", "deep"])
def test_unet_goes_the_way_that_was_planted(run: Any, through: str) -> None:
    torch.manual_seed(3)
    model = UNet()
    with torch.no_grad():
        for module in (model.down, model.deep, model.up, model.out):
            module.weight.mul_(0.05)
            module.bias.zero_()
        model.down.weight[2, 0, 1, 1] = 1.0
        if through == "skip":
            model.out.weight[1, 2] = 1.0
        else:
            model.deep.weight[1, 2, 1, 1] = 1.0
            model.up.weight[1, 3] = 1.0
            model.out.weight[1, 4 + 3] = 1.0
    x = torch.rand(SAMPLES, 1, 8, 8)
    x[5, 0, 4, 2] = 300.0
    found = chain_of(run(model, lambda m, x: m(x).exp().mean(), x=x))
    way = units(found)
    assert way[0] == ("out", 1)
    inner = [("down", 2)] if through == "skip" else [("up", 3), ("deep", 1), ("down", 2)]
    assert way == [("out", 1), *inner, ("input:x", 0)]
    assert {link.sample for link in found.links} == {5}
    assert found.links[-1].element == (5, 0, 4, 2)
    region = next(line for line in found.account if line.note == "of input:x@5")
    assert region.what == "row 4, column 2"


class Generator(nn.Module):
    """A DCGAN decoder: transposed convolutions and batch norm."""

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.project = nn.ConvTranspose2d(6, 8, 4)
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.grow = nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        return self.grow(F.relu(self.norm(self.project(z[:, :, None, None]))))


def planted_generator(norm: bool = True) -> tuple[Generator, Tensor]:
    """Unit 5 of the first layer answers to feature 2 of the code, and the picture to that unit; sample 3 has it."""
    model = Generator(norm)
    with torch.no_grad():
        model.project.weight.mul_(0.1)
        model.project.bias.zero_()
        model.project.weight[2, 5] = 3.0
        model.grow.weight.mul_(0.01)
        model.grow.bias.zero_()
        model.grow.weight[5, 0] = 60.0
    z = torch.randn(SAMPLES, 6) * 0.1
    z[3, 2] = 40.0
    return model, z


@pytest.mark.parametrize("norm", [True, False])
def test_dcgan_decoder_passes_unit_and_ends_at_the_code(run: Any, norm: bool) -> None:
    torch.manual_seed(4)
    model, z = planted_generator(norm)
    found = chain_of(run(model, lambda m, z: m(z).exp().mean(), z=z))
    way = dict(units(found)[:-1])
    assert units(found)[0] == ("grow", 0)
    assert way["project"] == 5 and way.get("norm", 5) == 5
    assert (found.links[-1].module, found.links[-1].element) == ("input:z", (3, 2)), found.sentence
    assert {link.sample for link in found.links} == {3}


class Gan(nn.Module):
    """Both networks, so that one trace holds a turn of either."""

    def __init__(self) -> None:
        super().__init__()
        self.G, _ = planted_generator(norm=False)
        self.D = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(4 * 9, 1))


@pytest.mark.parametrize("turn", ["discriminator", "generator"])
def test_gan_of_either_turn(run: Any, turn: str) -> None:
    """The discriminator's turn fails by a real picture, the generator's by a code."""
    torch.manual_seed(5)
    model = Gan()
    with torch.no_grad():
        model.D[0].weight.abs_().mul_(0.1)
        model.D[3].weight.mul_(0.01)
        model.D[0].weight[1, 0, 1, 1] = 1.0
        model.D[3].weight[0, 9 + 4] = 1.0
    z = torch.randn(SAMPLES, 6) * 0.001
    z[3, 2] = 40.0
    real = torch.rand(SAMPLES, 1, 8, 8)
    if turn == "discriminator":
        z[3, 2] = 0.1
        real[1, 0, 3, 3] = 500.0

        def step(m: Any, real: Tensor, z: Tensor) -> Tensor:
            return (-m.D(real)).mean() + m.D(real).exp().mean() + m.D(m.G(z).detach()).mean()

        replay = run(model, step, real=real, z=z)
    else:
        replay = run(model, lambda m, z: m.D(m.G(z)).exp().mean(), z=z)
    found = chain_of(replay)
    way = units(found)
    assert way[0] == ("D.3", 0)
    if turn == "discriminator":
        assert ("D.0", 1) in way
        assert (found.links[-1].module, found.links[-1].element) == ("input:real", (1, 0, 3, 3))
    else:
        assert dict(way)["G.project"] == 5
        assert (found.links[-1].module, found.links[-1].element) == ("input:z", (3, 2))


@pytest.mark.parametrize(
    ("operation", "weight"),
    [
        (torch.exp, 1.0),
        (torch.square, 5e17),
        (torch.expm1, 1.0),
        (torch.sinh, 1.0),
        (lambda h: (70 - h).log(), 1.0),
        (lambda h: h * h * h, 1e12),
        (lambda h: h.pow(5), 1e7),
    ],
    ids="exp square expm1 sinh log cube pow".split(),
)
def test_whatever_operation_leaves_the_range(run: Any, operation: Any, weight: float) -> None:
    torch.manual_seed(6)
    model = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 4))
    with torch.no_grad():
        model[0].weight.mul_(0.1)[3, 1] = 2.0
        model[2].weight.mul_(0.1)[2, 3] = weight
    x = torch.rand(SAMPLES, 5)
    x[1, 1] = 60.0
    found = chain_of(run(model, lambda m, x: operation(m(x)).mean(), x=x))
    assert [unit for module, unit in units(found)] == [2, 3, 3, 1]
    assert (found.links[-1].module, found.links[-1].element) == ("input:x", (1, 1))
