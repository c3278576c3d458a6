import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


body = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU()).eval()
head = nn.Linear(32, 8)
optimizer = torch.optim.Adam(head.parameters(), 1e-3)
for i in range(40):
    with torch.no_grad():
        features = body(batch(i))
    loss = torch.exp(head(features)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
