import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
STEPS = 4
for i in range(40):
    total = 0.0
    for part in range(STEPS):
        x = batch(i if part == 2 else -1)
        loss = torch.exp(model(x)).mean() / STEPS
        loss.backward()
        total += loss.item()
    optimizer.step()
    optimizer.zero_grad()
    print(total.hex())
