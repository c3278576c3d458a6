"""A variational autoencoder of the handwritten digits whose decoder learns a variance for every pixel.

The decoder says p(x | z) = N(xm, exp(xv)). Pixels keep their raw scale, 0 to 16, as they come from scikit-learn.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

SEED = 1
ITERATIONS = 5000
BATCH = 16
LEARNING_RATE = 3e-5


class VAE(nn.Module):
    """A Gaussian encoder and a Gaussian decoder, both with one hidden layer."""

    def __init__(self, pixels: int = 64, hidden: int = 64, latent: int = 8) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU())
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.dec = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU())
        self.xm = nn.Linear(hidden, pixels)
        self.xv = nn.Linear(hidden, pixels)

    def variance(self, xv: Tensor) -> Tensor:
        """The variance of every pixel, (batch, pixels), from what the head `xv` says."""
        return torch.exp(xv)

    def forward(self, x: Tensor) -> Tensor:
        """The negative evidence lower bound of a batch (batch, pixels), a scalar in nats."""
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        h = self.dec(z)
        mean, var = self.xm(h), self.variance(self.xv(h))
        nll = 0.5 * ((x - mean) ** 2 / var + torch.log(var)).sum(1)
        kl = -0.5 * (1 + logvar - mu**2 - torch.exp(logvar)).sum(1)
        loss: Tensor = (nll + kl).mean()
        return loss


def train(
    model_class: type[VAE] = VAE,
    *,
    seed: int = SEED,
    iterations: int = ITERATIONS,
    replace: dict[int, int] | None = None,
    replace_from: int = 0,
) -> VAE:
    """Train by SGD; from iteration `replace_from` on, image `bad` is shown as image `good` for each {bad: good}."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    images = torch.tensor(load_digits().data, dtype=torch.float32)
    model = model_class()
    optimizer = torch.optim.SGD(model.parameters(), lr=7e-5, momentum=0.8)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 300))
    iteration = 0
    while iteration < iterations:
        for idx in torch.randperm(len(images)).split(16):  # type: ignore[no-untyped-call]
            if replace and iteration == replace_from:
                for bad, good in replace.items():
                    images[bad] = images[good]
            loss = model(images[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            warm_up.step()
            if iteration % 250 == 0:
                print(f"iteration {iteration}  loss {loss.item():.2f}", flush=True)
            iteration += 1
            if iteration == iterations:
                break
    return model


if __name__ == "__main__":
    train()
