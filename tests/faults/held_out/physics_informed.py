"""A physics-informed network solves u'' + u = 0, u(0) = 0, u'(0) = 1 by second derivatives of its output."""

import math

import torch
import torch.nn as nn

torch.manual_seed(42)
torch.set_num_threads(1)


class Field(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t):
        return self.layers(t)


def derivative(y, t):
    return torch.autograd.grad(y, t, torch.ones_like(y), create_graph=True)[0]


u = Field()
optimizer = torch.optim.Adam(u.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=600)
start = torch.zeros(1, 1, requires_grad=True)

for step in range(600):
    t = (3 * torch.rand(64, 1)).requires_grad_(True)
    value = u(t)
    residual = derivative(derivative(value, t), t) + value
    at_start = u(start)
    loss = residual.pow(2).mean() + 10 * at_start.pow(2).mean() + 10 * (derivative(at_start, start) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0:
        print(step, loss.item())

with torch.no_grad():
    t = torch.linspace(0, 3, 50)[:, None]
    print("largest error", (u(t) - torch.sin(t)).abs().max().item(), "of", math.sin(math.pi / 2))
