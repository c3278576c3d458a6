"""A GAN of two-dimensional points on a ring that stays balanced: Adam with beta1 0.5, labels smoothed on one side."""

import math

import torch
from torch import nn

torch.manual_seed(7)
torch.set_num_threads(1)

LATENT, BATCH = 4, 128


def real_points(count):
    angle = 2 * math.pi * torch.rand(count)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(count, 2)


G = nn.Sequential(nn.Linear(LATENT, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()

for step in range(600):
    real = real_points(BATCH)
    fake = G(torch.randn(BATCH, LATENT))

    opt_d.zero_grad()
    loss_d = bce(D(real), torch.full((BATCH, 1), 0.9)) + bce(D(fake.detach()), torch.zeros(BATCH, 1))
    loss_d.backward()
    opt_d.step()

    opt_g.zero_grad()
    loss_g = bce(D(fake), torch.ones(BATCH, 1))
    loss_g.backward()
    opt_g.step()
    if step % 100 == 99:
        print(f"{step}: D {loss_d.item():.3f}, G {loss_g.item():.3f}")

with torch.no_grad():
    fake = G(torch.randn(2000, LATENT))
    radius, angle = fake.norm(dim=1), torch.atan2(fake[:, 1], fake[:, 0])
    counts = torch.histc(angle, 8, -math.pi, math.pi)
print("radius", radius.mean().item(), radius.std().item(), "rarest of 8 sectors", (counts.min() / 2000).item())
