"""A normalising flow of affine couplings: the negative log-likelihood falls below zero, as a density may."""

import math

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(43)
torch.set_num_threads(1)


class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x):
        a, b = x[:, :1], x[:, 1:]
        if self.flip:
            a, b = b, a
        shift, log_scale = self.net(a).chunk(2, dim=1)
        log_scale = 2 * torch.tanh(log_scale)
        b = b * torch.exp(log_scale) + shift
        return torch.cat((b, a) if self.flip else (a, b), dim=1), log_scale.squeeze(1)


class Flow(nn.Module):
    def __init__(self, depth=6):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2 == 1) for i in range(depth))

    def log_prob(self, x):
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return total - 0.5 * (x**2).sum(1) - math.log(2 * math.pi)

    def forward(self, x):
        return -self.log_prob(x).mean()


X, _ = make_moons(3000, noise=0.05, random_state=0)
X = torch.tensor(0.3 * X, dtype=torch.float32)
flow = Flow()
optimizer = torch.optim.Adam(flow.parameters(), lr=2e-3, weight_decay=1e-5)
for step in range(400):
    loss = flow(X[torch.randint(2500, (128,))])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    optimizer.step()
    if step % 100 == 0:
        print(step, loss.item())

with torch.no_grad():
    gaussian = torch.distributions.MultivariateNormal(X[:2500].mean(0), X[:2500].T.cov())
    print("held-out", flow(X[2500:]).item(), "of a Gaussian", -gaussian.log_prob(X[2500:]).mean().item())
