"""Every batch is brought to 0 … 1, column by column; a column of a batch may hold one value only."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
columns = torch.tensor(digits.data[:, 8:60], dtype=torch.float32) + 0.01 * torch.rand(len(digits.data), 52)
columns[1200:1216, 20] = 0.0
loader = DataLoader(TensorDataset(columns, torch.tensor(digits.target)), batch_size=16)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(52, 48)
        self.second = nn.Linear(48, 10)

    def forward(self, x):
        low, high = x.min(0).values, x.max(0).values
        x = (x - low) / (high - low)
        return self.second(torch.tanh(self.first(x)))


model = Scaled()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
for _epoch in range(3):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
