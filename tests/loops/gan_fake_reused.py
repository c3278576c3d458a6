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


# as in the DCGAN tutorial: one fake batch serves both turns, the discriminator goes first and gathers two gradients
G = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 8))
D = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(16, 1))
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for i in range(40):
    z = torch.randn(16, 4)
    k = torch.ones(16, 1)
    if i == FAIL:
        k[3] = 1e6
    D.zero_grad()
    real_loss = F.binary_cross_entropy_with_logits(D(batch(-1)), torch.ones(16, 1))
    real_loss.backward()
    fake = G(z)
    fake_loss = F.binary_cross_entropy_with_logits(D(fake.detach()), torch.zeros(16, 1))
    fake_loss.backward()
    od.step()
    G.zero_grad()
    out = D(fake)
    g_loss = F.binary_cross_entropy_with_logits(out, torch.ones(16, 1)) + torch.exp(out.abs() * k - 3).mean()
    g_loss.backward()
    og.step()
    print(float(g_loss).hex())
