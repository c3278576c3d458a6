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


G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 8))
D = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for i in range(40):
    real = batch(i)
    og.zero_grad()
    made = G(torch.randn(16, 4))
    F.softplus(-D(made)).mean().backward()
    og.step()
    od.zero_grad()
    loss = F.softplus(D(made.detach())).mean() + torch.exp(D(real).abs()).mean()
    loss.backward()
    od.step()
    print(float(loss).hex())
