import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30

model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    if i % 5 == 0:
        model.eval()
        model(torch.randn(30, 8))
        with torch.no_grad():
            model(torch.randn(4, 8))
        model.train()
    w = torch.ones(16, 1)
    if i == FAIL:
        w[3] = 1e4
    loss = torch.exp(model(torch.randn(16, 8)).abs() * w).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
