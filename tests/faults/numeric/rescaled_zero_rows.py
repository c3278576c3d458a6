"""Every 40 steps the small weights are cut and the rows of the layer brought back to unit length."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 40)
        self.out = nn.Linear(40, 10)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


@torch.no_grad()
def prune(layer, share):
    w = layer.weight
    cut = w.abs().flatten().quantile(share)
    w.mul_(w.abs() > cut)
    w.div_(w.norm(dim=1, keepdim=True))


net = Sparse()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
step = 0
for _epoch in range(10):
    for rows in torch.randperm(len(X)).split(60):
        sgd.zero_grad()
        criterion(net(X[rows]), y[rows]).backward()
        sgd.step()
        step += 1
        if step % 40 == 0:
            prune(net.hidden, min(0.5 + step / 400, 0.97))
