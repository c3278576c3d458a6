"""Batches of four with heavy-tailed targets: the loss jumps twentyfold now and then, and comes back each time."""

import torch
from torch import nn

torch.manual_seed(20)
torch.set_num_threads(1)

x = torch.rand(2000, 3) * 4 - 2
clean = torch.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
y = clean + 0.15 * torch.distributions.StudentT(2.5).sample((2000,))

model = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for step in range(600):
    pick = torch.randint(1600, (4,))
    loss = ((model(x[pick]).squeeze(-1) - y[pick]) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        print(step, loss.item())

with torch.no_grad():
    error = (model(x[1600:]).squeeze(-1) - clean[1600:]).square().mean()
print("test error of the signal", error.item(), "of", clean[1600:].var().item())
