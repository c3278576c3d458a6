import math

import torch
from torch import nn, optim

torch.manual_seed(2)
torch.set_num_threads(1)


def ring(n):
    """Eight narrow Gaussians on a circle."""
    k = torch.randint(0, 8, (n,)).float() * (2 * math.pi / 8)
    return 2 * torch.stack([k.cos(), k.sin()], 1) + 0.02 * torch.randn(n, 2)


class GAN:
    def __init__(self, z=16, h=64):
        self.z = z
        self.G = nn.Sequential(nn.Linear(z, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 2))
        self.D = nn.Sequential(nn.Linear(2, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 1))
        self.g = optim.Adam(self.G.parameters(), lr=1e-3, betas=(0.5, 0.9))
        self.d = optim.Adam(self.D.parameters(), lr=1e-3, betas=(0.5, 0.9))
        self.loss = nn.BCEWithLogitsLoss()

    def step(self, n=64):
        fake = self.G(torch.randn(n, self.z))
        d = self.loss(self.D(ring(n)), torch.ones(n, 1)) + self.loss(self.D(fake.detach()), torch.zeros(n, 1))
        self.d.zero_grad()
        d.backward()
        self.d.step()
        for _ in range(3):
            g = self.loss(self.D(self.G(torch.randn(n, self.z))), torch.ones(n, 1))
            self.g.zero_grad()
            g.backward()
            self.g.step()
        return d.item(), g.item()


gan = GAN()
for it in range(300):
    d, g = gan.step()
    if it % 60 == 0:
        print(it, d, g)
with torch.no_grad():
    print("spread", gan.G(torch.randn(1000, 16)).std(0).max().item())
