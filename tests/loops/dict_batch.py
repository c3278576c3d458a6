import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


class M(nn.Module):
    def __init__(s):
        super().__init__()
        s.f = nn.Linear(8, 3)

    def forward(s, batch):
        return s.f(batch["x"])


model = M()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    x = batch(i, n=10 + i % 3)
    loss = torch.exp(model({"x": x, "y": torch.ones(len(x))})).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
