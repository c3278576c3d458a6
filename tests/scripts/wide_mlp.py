"""Two hidden layers of 512: `dgmtui record --elements 300000 wide_mlp.py` follows every one of 512 × 512 weights."""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 600
torch.manual_seed(11)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
mlp = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
optim = torch.optim.Adam(mlp.parameters(), lr=1e-3)
for step in range(steps):
    pick = torch.randint(0, len(x), (128,))
    loss = nn.functional.cross_entropy(mlp(x[pick]), y[pick])
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step % 100 == 99:
        print(step + 1, loss.item(), flush=True)
with torch.no_grad():
    print("right", (mlp(x).argmax(1) == y).double().mean().item())
