"""A Wasserstein GAN with gradient penalty; the norm is the root of a sum of squares."""

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
points = torch.tensor(make_moons(2000, noise=0.05, random_state=0)[0], dtype=torch.float32)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 1))

    def forward(self, x):
        return self.net(x)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, z):
        return self.net(z)


critic, generator = Critic(), Generator()
opt_c = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.9))
opt_g = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.9))


def gradient_penalty(real, fake):
    share = torch.rand(len(real), 1)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.pow(2).sum(1).sqrt() - 1) ** 2).mean()


for _step in range(200):
    for _ in range(2):
        real = points[torch.randint(len(points), (48,))]
        fake = generator(torch.randn(48, 4)).detach()
        loss_c = critic(fake).mean() - critic(real).mean() + 10 * gradient_penalty(real, fake)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
    loss_g = -critic(generator(torch.randn(48, 4))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
