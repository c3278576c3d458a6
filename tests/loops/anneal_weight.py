import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.Linear(8, 4)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    x = batch(i)
    beta = min(1.0, i / 25)
    z = model(x)
    loss = z.pow(2).mean() + beta * torch.exp(z).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
