# ruff: noqa: B023
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.05, max_iter=4)
for i in range(40):
    x, k = batch(-1), torch.ones(16, 1)
    if i == FAIL:
        k[3] = 1e6
    y = x[:, :1].sin()

    def closure():
        optimizer.zero_grad()
        out = model(x)
        loss = F.mse_loss(out, y) + torch.exp(out.abs() * k).mean()
        loss.backward()
        return loss

    print(float(optimizer.step(closure)).hex())
