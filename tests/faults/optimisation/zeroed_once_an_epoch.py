"""Sine waves told apart by their frequency."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

N, T = 1200, 24
freq = torch.randint(0, 4, (N,))
phase = torch.rand(N, 1) * 6.28
t = torch.linspace(0, 1, T)
waves = torch.sin(6.28 * (freq[:, None] + 1) * t + phase) + 0.1 * torch.randn(N, T)
loader = DataLoader(TensorDataset(waves.unsqueeze(-1), freq), batch_size=16, shuffle=True)


class WaveRNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 4)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1])


model = WaveRNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(4):
    optimizer.zero_grad()
    correct = 0
    for x, y in loader:
        logits = model(x)
        loss = criterion(logits, y)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(1) == y).sum().item()
    print("epoch", epoch, "accuracy", correct / N)
