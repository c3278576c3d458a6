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


G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
D = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for i in range(40):
    real, fake = batch(i), G(torch.randn(16, 4))
    lg = F.softplus(-D(fake)).mean()
    ld = F.softplus(D(fake.detach())).mean() + torch.exp(-D(real)).mean() + torch.exp(D(real)).mean()
    og.zero_grad()
    lg.backward(retain_graph=True)
    od.zero_grad()
    ld.backward()
    og.step()
    od.step()
    print(float(ld).hex())
