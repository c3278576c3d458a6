import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


body = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
heads = nn.ModuleDict({"mean": nn.Linear(32, 8), "rate": nn.Linear(32, 3)})
optimizer = torch.optim.Adam([*body.parameters(), *heads.parameters()], 1e-3)
for i in range(40):
    x = batch(i)
    h = body(x)
    losses = {"mean": heads["mean"](h).pow(2).mean(), "rate": torch.exp(heads["rate"](h).abs()).mean()}
    optimizer.zero_grad()
    losses["mean"].backward(retain_graph=True)
    losses["rate"].backward()
    optimizer.step()
    print(float(sum(losses.values())).hex())
