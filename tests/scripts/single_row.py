import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)


class Standardised(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 6)
        self.second = nn.Linear(6, 1)

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = (h - h.mean(0)) / (h.std(0) + 1e-3)
        return self.second(h)


data = TensorDataset(torch.randn(41, 3), torch.randn(41, 1))
net = Standardised()
sgd = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(2):
    for x, y in DataLoader(data, batch_size=10):  # the last batch has a single row
        sgd.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        sgd.step()
