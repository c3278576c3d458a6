import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


step = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
head = nn.Linear(8, 8)
optimizer = torch.optim.Adam([*step.parameters(), *head.parameters()], 1e-3)
for i in range(40):
    h = batch(i)
    for _ in range(5):
        h = h + step(h)
    loss = torch.exp(head(h)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
