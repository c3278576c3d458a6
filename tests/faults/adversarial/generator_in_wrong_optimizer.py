import itertools

import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
torch.set_num_threads(1)

points = torch.tensor(make_moons(1000, noise=0.05, random_state=0)[0], dtype=torch.float32) + 1.0


def mlp(*sizes):
    layers = itertools.chain(*((nn.Linear(a, b), nn.ELU()) for a, b in zip(sizes, sizes[1:], strict=False)))
    return nn.Sequential(*list(layers)[:-1])


generator, discriminator = mlp(4, 48, 48, 2), mlp(2, 48, 48, 1)
g_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
softplus = nn.functional.softplus

for step in range(300):
    real = points[torch.randint(0, 1000, (64,))]
    fake = generator(torch.randn(64, 4))
    d_loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake.detach())).mean()
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    g_loss = softplus(-discriminator(fake)).mean()
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    if step % 60 == 0:
        print(step, d_loss.item(), g_loss.item())

with torch.no_grad():
    fakes = generator(torch.randn(1000, 4))
print("distance of the means", (fakes.mean(0) - points.mean(0)).norm().item())
