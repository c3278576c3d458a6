import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

options = {"n_in": 64, "n_hid": 48, "n_layers": 6, "act": "Tanh"}


class DeepNet(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.hids = []
        in_dim = options["n_in"]
        for _ in range(options["n_layers"]):
            self.hids.append([nn.Linear(in_dim, options["n_hid"]), getattr(nn, options["act"])()])
            in_dim = options["n_hid"]
        self.classifier = nn.Linear(in_dim, 10)

    def forward(self, x):
        for linear, act in self.hids:
            x = act(linear(x))
        return self.classifier(x)


data = load_digits()
x = torch.tensor(data.data / 16, dtype=torch.float32)
y = torch.tensor(data.target)
loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)

net = DeepNet(options)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for _epoch in range(8):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("loss", criterion(net(x), y).item())
