import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU()).eval().requires_grad_(False)
head = nn.Linear(32, 8)
model = nn.Sequential(body, head)
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), 1e-3)
for i in range(40):
    loss = torch.exp(model(batch(i))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
