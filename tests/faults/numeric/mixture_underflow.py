"""A mixture density network; the densities are summed, then their logarithm is taken. One target is a typing error."""

import math

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.rand(600, 1) * 6 - 3
y = torch.sin(x) + 0.1 * torch.randn_like(x)
y[411] = 45.0


class MDN(nn.Module):
    def __init__(self, components=3):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(1, 32), nn.Tanh())
        self.pi, self.mu, self.sigma = (nn.Linear(32, components) for _ in range(3))

    def forward(self, x):
        h = self.hidden(x)
        return torch.softmax(self.pi(h), 1), self.mu(h), torch.exp(self.sigma(h))


def nll(pi, mu, sigma, y):
    density = torch.exp(-(((y - mu) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
    return -torch.log((pi * density).sum(1)).mean()


net = MDN()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for _epoch in range(10):
    for start in range(0, 600, 20):
        loss = nll(*net(x[start : start + 20]), y[start : start + 20])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
