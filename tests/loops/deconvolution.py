import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


model = nn.Sequential(
    nn.Linear(8, 32), nn.Unflatten(1, (8, 2, 2)), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1)
)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    x = batch(i)
    w = torch.ones(16, 1, 1, 1)
    if i == FAIL:
        w[3] = 1e4
    loss = torch.exp(model(x).abs() * w).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
