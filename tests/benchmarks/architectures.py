"""The models that credit assignment is measured on, each with a batch and what is asked about."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Subject:
    """One model to measure."""

    name: str
    model: nn.Module
    loss: Callable[..., Tensor]
    """From the model's batch by name."""
    batch: Mapping[str, Tensor]
    unit: str
    """The target of forward contributions, over the batch; ``@5`` behind it is the target of the chain."""
    early: str
    """The target of backward contributions: a unit of the first layer."""
    has_captum: bool = False
    """Whether captum's LRP has rules for all of it."""


class Cnn(nn.Module):
    """1.2 M parameters on 32 × 32 pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128)))
        self.pools = nn.ModuleList(nn.MaxPool2d(2) for _ in range(3))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(4))
        self.fc1, self.out = nn.Linear(2048, 512), nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv, relu, pool in zip((self.conv1, self.conv2, self.conv3), self.relus, self.pools, strict=False):
            x = pool(relu(conv(x)))
        logits: Tensor = self.out(self.relus[3](self.fc1(x.flatten(1))))
        return logits


def mlp() -> nn.Sequential:
    """0.8 M parameters."""
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


class Transformer(nn.Module):
    """Two layers of width 128 over 64 tokens: 0.4 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(96, 128), nn.Embedding(64, 128)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True) for _ in range(2)
        )
        self.norm, self.out = nn.LayerNorm(128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.tokens(x) + self.places.weight
        for layer in self.layers:
            hidden = layer(hidden)
        logits: Tensor = self.out(self.norm(hidden).mean(1))
        return logits


class Lstm(nn.Module):
    """An embedding and one layer of width 128 over 24 steps: 0.1 M parameters; fused, or cell by cell."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.embed, self.out = nn.Linear(64, 64), nn.Linear(128, 10)
        self.rnn: nn.Module = nn.LSTM(64, 128, batch_first=True) if fused else nn.LSTMCell(64, 128)

    def forward(self, x: Tensor) -> Tensor:
        embedded = torch.tanh(self.embed(x))
        logits: Tensor = self.out(self._last_state(embedded))
        return logits

    def _last_state(self, x: Tensor) -> Tensor:
        if isinstance(self.rnn, nn.LSTM):
            states: Tensor = self.rnn(x)[0]
            return states[:, -1]
        h = c = x.new_zeros(len(x), 128)
        for step in x.unbind(1):
            h, c = self.rnn(step, (h, c))
        return h


class ConvVae(nn.Module):
    """A convolutional variational autoencoder of 32 × 32 pictures with batch norm: 0.4 M parameters."""

    def __init__(self, latent: int = 16) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.LeakyReLU(0.1),
            nn.Conv2d(32, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.1), nn.Flatten(),
        )  # fmt: skip
        self.mean, self.log_variance = nn.Linear(4096, latent), nn.Linear(4096, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 4096), nn.Unflatten(1, (64, 8, 8)),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


def _classified(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(x), y)


def _evidence(model: nn.Module, x: Tensor) -> Tensor:
    decoded, mean, log_variance = model(x)
    divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1)
    return (F.binary_cross_entropy_with_logits(decoded, x, reduction="sum") / len(x)) + divergence.mean()


def subjects() -> Iterator[Subject]:
    """A CNN, an MLP, a transformer, two forms of an LSTM and a convolutional VAE."""
    for name, model, x, unit, early, has_captum in (
        ("CNN", Cnn(), torch.rand(32, 3, 32, 32), "out[3]", "conv1[1]", True),
        ("MLP", mlp(), torch.rand(128, 784), "6[3]", "0[1]", True),
        ("transformer", Transformer(), torch.randint(96, (16, 64)), "out[3]", "tokens[1]", False),
        ("LSTM", Lstm(fused=True), torch.randn(64, 24, 64), "out[3]", "embed[1]", False),
        ("LSTM cells", Lstm(fused=False), torch.randn(64, 24, 64), "out[3]", "embed[1]", False),
    ):
        batch = {"x": x, "y": torch.arange(len(x)) % 10}
        yield Subject(name, model, partial(_classified, model), batch, unit, early, has_captum)
    vae, x = ConvVae(), torch.rand(32, 3, 32, 32)
    yield Subject("conv VAE", vae, partial(_evidence, vae), {"x": x}, "mean[3]", "encoder.0[1]")
