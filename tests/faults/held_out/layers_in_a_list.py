"""A gated residual network whose blocks are in an ordinary list."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.value = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)

    def forward(self, x):
        z = self.norm(x)
        return x + torch.tanh(self.value(z)) * torch.sigmoid(self.gate(z))


class GatedNet(nn.Module):
    def __init__(self, n_layers=3, width=40):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.hids = []
        for _ in range(n_layers):
            self.hids.append(Block(width))
        self.classifier = nn.Linear(width, 10)

    def forward(self, x):
        h = self.stem(x)
        for block in self.hids:
            h = block(h)
        return self.classifier(h)


X, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(X, dtype=torch.float32) / 16, torch.tensor(y))
net = GatedNet()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    for inputs, labels in DataLoader(data, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(inputs), labels)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
