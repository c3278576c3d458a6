"""An encoder is trained against a critic; the critic's optimiser never zeroes its gradients."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(17)
torch.set_num_threads(1)

images = torch.tensor(load_digits().data, dtype=torch.float32) / 16

encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 6))
decoder = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())
critic = nn.Sequential(nn.Linear(6, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))

optimizer_E = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
optimizer_D = torch.optim.SGD(critic.parameters(), lr=0.02)

for step in range(300):
    batch = images[torch.randint(len(images), (64,))]

    code = encoder(batch)
    loss_E = F.mse_loss(decoder(code), batch) + 0.05 * F.softplus(-critic(code)).mean()
    optimizer_E.zero_grad()
    loss_E.backward()
    optimizer_E.step()

    prior = torch.randn(64, 6)
    loss_D = F.softplus(-critic(prior)).mean() + F.softplus(critic(code.detach())).mean()
    loss_D.backward()
    optimizer_D.step()
    if step % 50 == 0:
        print(step, loss_E.item(), loss_D.item())
