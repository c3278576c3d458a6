"""Distances between unit vectors from their products: sqrt(2 - 2 cos)."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(1)
torch.set_num_threads(1)
data, label = load_wine(return_X_y=True)
data = torch.tensor(StandardScaler().fit_transform(data), dtype=torch.float32)
label = torch.tensor(label)


class Embedder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 32), nn.Tanh(), nn.Linear(32, 8))

    def forward(self, x):
        return F.normalize(self.layers(x), dim=1)


model = Embedder(data.shape[1])
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _step in range(200):
    rows = torch.randperm(len(data))[:24]
    e = model(data[rows])
    d = torch.sqrt(2.0 - 2.0 * (e @ e.t()))
    same = (label[rows, None] == label[rows]).float()
    loss = (same * d + (1 - same) * torch.relu(1.0 - d)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
