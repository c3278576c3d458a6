import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


a = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(a.parameters(), 1e-3)
for i in range(40):
    if i == 15:
        a[2] = nn.Linear(8, 5)
        optimizer = torch.optim.Adam(a.parameters(), 1e-3)
    loss = torch.exp(a(batch(i))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
