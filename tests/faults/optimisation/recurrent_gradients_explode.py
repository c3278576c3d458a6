"""Sums marked numbers, without clipping."""

import torch
import torch.nn as nn

torch.manual_seed(3)
torch.set_num_threads(1)

LENGTH = 40


def adding(n=32):
    values, marks = torch.rand(n, LENGTH), torch.zeros(n, LENGTH)
    for row in range(n):
        marks[row, torch.randperm(LENGTH)[:2]] = 1
    return torch.stack([values, marks], 2), (values * marks).sum(1, keepdim=True)


class Adder(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.cell = nn.RNN(2, hidden, nonlinearity="relu", batch_first=True)
        nn.init.normal_(self.cell.weight_hh_l0, std=0.2)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.readout(self.cell(x)[0][:, -1])


model = Adder()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
for step in range(200):
    x, y = adding()
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(step, f"{loss.item():.4g}")
print("loss", loss.item())
