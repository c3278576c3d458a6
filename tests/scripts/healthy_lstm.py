import math

import torch
from torch import nn

torch.manual_seed(21)


def waves(n, length=20):
    phase = torch.rand(n, 1) * 2 * math.pi
    speed = 0.2 + 0.3 * torch.rand(n, 1)
    t = torch.arange(length + 1).float()
    return torch.sin(phase + speed * t) + 0.05 * torch.randn(n, length + 1)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, 24, num_layers=2, batch_first=True, dropout=0.1)
        self.readout = nn.Linear(24, 1)

    def forward(self, s):
        hidden, _ = self.rnn(s.unsqueeze(-1))
        return self.readout(hidden).squeeze(-1)


model = Forecaster()
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
loss_fn = nn.HuberLoss()
for _ in range(150):
    series = waves(32)
    loss = loss_fn(model(series[:, :-1]), series[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
