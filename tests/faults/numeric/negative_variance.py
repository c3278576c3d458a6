"""Regression with an uncertainty: the variance is a plain output of the network."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
torch.set_num_threads(1)
X, y = load_diabetes(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


class Uncertain(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 32), nn.Tanh())
        self.mean = nn.Linear(32, 1)
        self.variance = nn.Linear(32, 1)
        nn.init.constant_(self.variance.bias, 2.0)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h).squeeze(1), self.variance(h).squeeze(1)


model = Uncertain()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _epoch in range(40):
    for x, target in DataLoader(TensorDataset(X, y), batch_size=34, shuffle=True):
        mean, variance = model(x)
        loss = 0.5 * (torch.log(variance) + (target - mean) ** 2 / variance).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
