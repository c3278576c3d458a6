import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.Sequential(nn.Linear(8, 16), nn.Softplus(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    w = torch.ones(16)
    if i == FAIL:
        w[3] = 1e5
    x = batch(i).clamp(-3, 3).requires_grad_()
    y = model(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    loss = y.pow(2).mean() + torch.exp(g.pow(2).sum(1) * w).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
