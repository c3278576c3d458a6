"""Price changes from tabular features; the builder puts an activation after every layer."""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)
torch.set_num_threads(1)


def make_mlp(sizes):
    layers = []
    for inside, outside in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inside, outside), nn.ReLU()]
    return nn.Sequential(*layers)


X, y = load_diabetes(return_X_y=True)
X = torch.tensor(X / X.std(0), dtype=torch.float32)
y = torch.tensor((y - 250) / y.std(), dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(X, y), batch_size=34, shuffle=True)

model = make_mlp([10, 32, 32, 1])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(25):
    for inputs, targets in loader:
        loss = nn.functional.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(epoch, loss.item())
