"""A rotation of the plane is estimated from points; the loss is the angle between estimate and truth."""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(5)
torch.set_num_threads(1)


def rotation(angle):
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).view(-1, 3, 3)


class Turned(Dataset):
    def __init__(self, count=640):
        self.angle = (torch.rand(count) - 0.5) * math.pi
        points = torch.randn(count, 5, 3)
        self.points = torch.cat([points, points @ rotation(self.angle).transpose(1, 2)], 1).flatten(1)

    def __len__(self):
        return len(self.angle)

    def __getitem__(self, index):
        return self.points[index], rotation(self.angle[index : index + 1])[0]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        return rotation(self.head(self.trunk(x)).squeeze(1))


model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loader = DataLoader(Turned(), batch_size=32, shuffle=False)
for _epoch in range(10):
    for x, target in loader:
        estimate = model(x)
        trace = (estimate.transpose(1, 2) @ target).diagonal(dim1=1, dim2=2).sum(1)
        loss = torch.acos(((trace - 1) / 2).clamp(-1, 1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
