"""A Wasserstein GAN with gradient penalty, five steps of the critic to one of the generator."""

import torch
from torch import autograd, nn

torch.manual_seed(25)
torch.set_num_threads(1)

LATENT, BATCH, PENALTY = 3, 64, 1.0


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(LATENT, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))

    def forward(self, z):
        return self.net(z)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))

    def forward(self, x):
        return self.net(x)


def real_batch():
    centre = torch.tensor([[1.5, 0.0], [-1.5, 0.5]])[torch.randint(2, (BATCH,))]
    return centre + 0.2 * torch.randn(BATCH, 2)


def gradient_penalty(critic, real, fake):
    mix = torch.rand(BATCH, 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


generator, critic = Generator(), Critic()
optim_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
optim_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))

for step in range(250):
    for _ in range(5):
        real, fake = real_batch(), generator(torch.randn(BATCH, LATENT)).detach()
        critic_loss = critic(fake).mean() - critic(real).mean() + PENALTY * gradient_penalty(critic, real, fake)
        optim_c.zero_grad()
        critic_loss.backward()
        optim_c.step()
    generator_loss = -critic(generator(torch.randn(BATCH, LATENT))).mean()
    optim_g.zero_grad()
    generator_loss.backward()
    optim_g.step()
    if step % 50 == 49:
        print(step, critic_loss.item(), generator_loss.item())

with torch.no_grad():
    fake = generator(torch.randn(1000, LATENT))
right = fake[:, 0] > 0
print("right of two", right.float().mean().item(), "at", fake[right].mean(0).tolist(), fake[~right].mean(0).tolist())
