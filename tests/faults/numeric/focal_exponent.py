"""Focal loss with an exponent below one, on digits 3 against the rest."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y == 3, dtype=torch.float32)


class FocalLoss(nn.Module):
    def __init__(self, gamma=0.5, eps=1e-8):
        super().__init__()
        self.gamma, self.eps = gamma, eps

    def forward(self, logits, target):
        p = torch.sigmoid(logits)
        pt = torch.where(target > 0, p, 1 - p)
        return (-((1 - pt) ** self.gamma) * torch.log(pt + self.eps)).mean()


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.score = nn.Linear(32, 1)

    def forward(self, x):
        return self.score(self.features(x).flatten(1)).squeeze(1)


model, criterion = CNN(), FocalLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
for _epoch in range(12):
    for image, target in DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True):
        loss = criterion(model(image), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
