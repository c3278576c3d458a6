import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)

data = load_digits()
x = torch.tensor(data.data / 8 - 1, dtype=torch.float32)
y = torch.tensor(data.target)


class TanhNet(nn.Module):
    def __init__(self, width=48, depth=5):
        super().__init__()
        self.inp = nn.Linear(64, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.out = nn.Linear(width, 10)
        for layer in [self.inp, *self.hidden]:
            nn.init.normal_(layer.weight, 0.0, 5.0)

    def forward(self, x):
        h = torch.tanh(self.inp(x))
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.out(h)


net = TanhNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(6):
    for i in torch.randperm(len(x)).split(36):
        loss = nn.functional.cross_entropy(net(x[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
with torch.no_grad():
    print("loss", nn.functional.cross_entropy(net(x), y).item())
