import torch
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


W = (0.1 * torch.randn(8, 16)).requires_grad_()
b = torch.zeros(16, requires_grad=True)
V = (0.1 * torch.randn(16, 1)).requires_grad_()
optimizer = torch.optim.Adam([W, b, V], 1e-3)
for i in range(40):
    x = batch(i)
    h = F.softplus(x @ W + b)
    loss = torch.exp(h @ V).mean() + torch.exp(h).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
