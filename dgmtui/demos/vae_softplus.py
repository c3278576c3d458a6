"""The same VAE with variance softplus(xv) + 0.01, which neither overflows nor vanishes, trained three times as long as
the exponential one lasts."""

from __future__ import annotations

import torch
from torch import Tensor

from dgmtui.demos.vae import VAE, train


class SoftplusVAE(VAE):
    """A VAE whose observation variance grows linearly where the exponential one explodes."""

    def variance(self, xv: Tensor) -> Tensor:
        """The variance of every pixel, (batch, pixels), at least 0.01 squared grey levels."""
        return torch.nn.functional.softplus(xv) + 0.01


if __name__ == "__main__":
    train(SoftplusVAE, iterations=8000)
