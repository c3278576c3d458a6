import random

import torch
from torch import nn

torch.manual_seed(5)
random.seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.ModuleList([nn.Linear(8, 8) for _ in range(4)])
h = nn.Linear(8, 3)
optimizer = torch.optim.SGD([*model.parameters(), *h.parameters()], 1e-3)
for i in range(40):
    x = batch(i)
    for k in range(random.randint(1, 4)):
        x = torch.relu(model[k](x) + x)
    loss = torch.exp(h(x)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
