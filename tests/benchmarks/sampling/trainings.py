"""Real weights and their gradients: every element at every iteration of a small training, from a seed."""

from collections.abc import Callable, Mapping

import numpy as np

from sampling.data import Series

ITERATIONS, BATCH = 600, 64
Recorded = Mapping[str, Series]
"""``[T, N]`` by what it is."""


def _record(model, optimizer, loss_of: Callable) -> Recorded:  # type: ignore[no-untyped-def]
    import torch
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    parameters = list(model.parameters())
    count = sum(p.numel() for p in parameters)
    weights, gradients = (np.empty((ITERATIONS, count), np.float32) for _ in range(2))
    for row in range(ITERATIONS):
        batch = torch.randint(0, len(images), (BATCH,))
        optimizer.zero_grad()
        loss_of(images[batch], labels[batch]).backward()
        with torch.no_grad():
            torch.cat([p.flatten() for p in parameters], out=torch.from_numpy(weights[row]))
            torch.cat([p.grad.flatten() for p in parameters], out=torch.from_numpy(gradients[row]))
        optimizer.step()
    return {"weights": weights, "gradients": gradients}


def mlp(seed: int) -> Recorded:
    """20,520 weights of a classifier of digits, SGD with momentum."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 144), nn.ReLU(), nn.Linear(144, 72), nn.ReLU(), nn.Linear(72, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return _record(model, optimizer, lambda images, labels: F.cross_entropy(model(images), labels))


def vae(seed: int) -> Recorded:
    """About 23,000 weights of a convolutional VAE of digits, Adam."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(seed)
    down = [nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 48, 3, 2, 1), nn.ReLU(), nn.Flatten()]
    encoder = nn.Sequential(*down, nn.Linear(192, 16))
    up = [
        nn.Unflatten(1, (48, 2, 2)),
        nn.ConvTranspose2d(48, 16, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, 2, 1),
    ]
    decoder = nn.Sequential(nn.Linear(8, 192), nn.ReLU(), *up)
    model = nn.ModuleList([encoder, decoder])

    def loss_of(images, labels):  # type: ignore[no-untyped-def]
        mean, log_variance = encoder(images.view(-1, 1, 8, 8)).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        likelihood = F.binary_cross_entropy_with_logits(decoder(code).flatten(1), images, reduction="sum")
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum() / 2
        return (likelihood + divergence) / len(images)

    return _record(model, torch.optim.Adam(model.parameters(), lr=2e-3), loss_of)


TRAININGS: Mapping[str, Callable[[int], Recorded]] = {"MLP": mlp, "conv VAE": vae}
