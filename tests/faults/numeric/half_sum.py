"""A model in half precision whose squared errors are summed over the batch before the mean is taken."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(2048, 12)
y = torch.stack([x[:, :6].sum(1), x[:, 6:].prod(1)], 1) * 5

net = nn.Sequential(nn.Linear(12, 64), nn.SiLU(), nn.Linear(64, 2)).half()
opt = torch.optim.SGD(net.parameters(), lr=1e-3)
for _epoch in range(4):
    for i in range(0, 2048, 64):
        size = 64 if i < 1024 else 1024
        xb, yb = x[i : i + size].half(), y[i : i + size].half()
        loss = ((net(xb) - yb) ** 2).sum() / len(xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
