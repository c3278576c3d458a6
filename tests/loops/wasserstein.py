import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
D = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
og = torch.optim.Adam(G.parameters(), 1e-3)
od = torch.optim.Adam(D.parameters(), 1e-3)
for i in range(40):
    w = torch.ones(16)
    if i == FAIL:
        w[3] = 1e6
    real = batch(i).clamp(-3, 3)
    fake = G(torch.randn(16, 4)).detach()
    e = torch.rand(16, 1)
    mix = (e * real + (1 - e) * fake).requires_grad_()
    (g,) = torch.autograd.grad(D(mix).sum(), mix, create_graph=True)
    ld = D(fake).mean() - D(real).mean() + 10 * (torch.exp(g.norm(dim=1) * w) - 1).pow(2).mean()
    od.zero_grad()
    ld.backward()
    od.step()
    lg = -D(G(torch.randn(16, 4))).mean()
    og.zero_grad()
    lg.backward()
    og.step()
    print(float(lg).hex())
