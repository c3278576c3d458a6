"""A small convolutional network for the handwritten digits, trained with a one-against-rest hinge loss.

Pixels keep their raw scale, 0 to 16. A network that says -1 to every class pays 2 for the right one and 0 for the rest.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

SEED = 2
ITERATIONS = 600
LEARNING_RATE = 0.05


class CNN(nn.Module):
    """Two convolutions and two linear layers; BatchNorm after each hidden layer if asked for."""

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__()
        self.batch_norm = batch_norm
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.relu2 = nn.ReLU()
        self.fc1 = nn.Linear(16 * 4 * 4, 64)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(64, 10)
        if batch_norm:
            self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(8), nn.BatchNorm2d(16), nn.BatchNorm1d(64)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (batch, 10) of images (batch, 1, 8, 8)."""
        x = self.conv1(x)
        x = self.relu1(self.bn1(x) if self.batch_norm else x)
        x = self.conv2(x)
        x = self.relu2(self.bn2(x) if self.batch_norm else x)
        x = self.fc1(x.flatten(1))
        x = self.relu3(self.bn3(x) if self.batch_norm else x)
        scores: Tensor = self.fc2(x)
        return scores


def hinge_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """The sum over classes of max(0, 1 - t s), t = 1 for the right class and -1 else; mean over the batch, a scalar."""
    targets = 2.0 * nn.functional.one_hot(labels, scores.shape[1]) - 1.0
    return torch.clamp(1.0 - targets * scores, min=0.0).sum(1).mean()


def train(batch_norm: bool = False, *, seed: int = SEED, iterations: int = ITERATIONS) -> CNN:
    """Train by SGD with momentum on minibatches of 32."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    model = CNN(batch_norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9)
    iteration = 0
    while iteration < iterations:
        for idx in torch.randperm(len(images)).split(32):  # type: ignore[no-untyped-call]
            loss = hinge_loss(model(images[idx]), labels[idx])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if iteration % 50 == 0:
                print(f"iteration {iteration}  loss {loss.item():.3f}", flush=True)
            iteration += 1
            if iteration == iterations:
                break
    return model


if __name__ == "__main__":
    train()
