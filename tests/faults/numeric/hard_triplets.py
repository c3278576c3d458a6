"""Embeddings of digits by the hardest triplets of each batch."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(64, 16)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def distances(e):
    square = e.pow(2).sum(1)
    return torch.sqrt((square[:, None] - 2 * e @ e.T + square[None]).clamp(min=0))


def hardest(e, labels, margin=0.5):
    d = distances(e)
    same = labels[:, None] == labels[None]
    furthest = (d * same).max(1).values
    nearest = d.masked_fill(same, 1e6).min(1).values
    return torch.relu(furthest - nearest + margin).mean()


net = Net()
opt = torch.optim.Adam(net.parameters(), 1e-3)
for _it in range(150):
    rows = torch.randint(len(X), (40,))
    loss = hardest(net(X[rows].view(-1, 1, 8, 8)), y[rows])
    opt.zero_grad()
    loss.backward()
    opt.step()
