"""The sum of a long sequence with a plain rectified RNN cell, unclipped SGD."""

import torch
import torch.nn as nn

torch.manual_seed(5)
torch.set_num_threads(1)

STEPS, WIDTH = 60, 40


class SumRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.RNNCell(2, WIDTH, nonlinearity="relu")
        self.readout = nn.Linear(WIDTH, 1)
        nn.init.orthogonal_(self.cell.weight_hh, gain=1.4)

    def forward(self, x):
        h = x.new_zeros(x.size(0), WIDTH)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
        return self.readout(h).squeeze(-1)


model = SumRNN()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for _ in range(150):
    x = torch.rand(24, STEPS, 2)
    x[..., 1] = (torch.rand(24, STEPS) < 0.05).float()
    target = (x[..., 0] * x[..., 1]).sum(1)
    loss = nn.functional.mse_loss(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
