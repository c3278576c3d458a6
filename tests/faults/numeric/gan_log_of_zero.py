"""A GAN on points of a ring with the losses of the paper written out."""

import math

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

G = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(
    nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1), nn.Sigmoid()
)
opt_g = torch.optim.Adam(G.parameters(), lr=3e-3)
opt_d = torch.optim.Adam(D.parameters(), lr=3e-3)


def ring(n):
    angle = 2 * math.pi * torch.rand(n)
    return 6 * torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


for _step in range(500):
    real, fake = ring(64), G(torch.randn(64, 8))
    loss_d = -(torch.log(D(real)).mean() + torch.log(1 - D(fake.detach())).mean())
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = torch.log(1 - D(G(torch.randn(64, 8)))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
