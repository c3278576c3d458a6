"""Wide rectified layers whose biases start below zero: a unit fires for few samples, and learns from those."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(14)
torch.set_num_threads(1)


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(64, 300)
        self.second = nn.Linear(300, 100)
        self.out = nn.Linear(100, 10)
        nn.init.kaiming_normal_(self.wide.weight)
        nn.init.kaiming_normal_(self.second.weight)
        nn.init.constant_(self.wide.bias, -1.5)

    def forward(self, x):
        hidden = F.relu(self.wide(x))
        return self.out(F.relu(self.second(hidden))), hidden


d = load_digits()
x = torch.tensor(d.data, dtype=torch.float32)
x = (x - x[:1400].mean(0)) / (x[:1400].std() + 1e-6)
y = torch.tensor(d.target)
model = Sparse()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

for _ in range(12):
    for pick in torch.randperm(1400).split(64):
        logits, hidden = model(x[pick])
        loss = F.cross_entropy(logits, y[pick]) + 1e-2 * hidden.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()

with torch.no_grad():
    logits, hidden = model(x[1400:])
    print("test accuracy", (logits.argmax(1) == y[1400:]).float().mean().item())
    print(
        "zeros",
        (hidden == 0).float().mean().item(),
        "units that never fire",
        (hidden == 0).all(0).float().mean().item(),
    )
