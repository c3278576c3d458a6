import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

wine = load_wine()
x = torch.tensor(wine.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(wine.target)


class Classifier(nn.Module):
    """Three hidden layers, the activation after each layer."""

    def __init__(self, sizes=(13, 32, 32, 32, 3)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=False))
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=0.2)
            nn.init.constant_(layer.bias, 0.0)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


net = Classifier()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for _epoch in range(60):
    for part in torch.randperm(len(x)).split(36):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[part]), y[part])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("loss", F.cross_entropy(net(x), y).item())
