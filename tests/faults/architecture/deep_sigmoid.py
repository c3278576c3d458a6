import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

x, y = make_moons(1000, noise=0.1, random_state=0)
loader = DataLoader(
    TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).unsqueeze(1)),
    batch_size=50,
    shuffle=True,
)

widths = [2, 28, 56, 58, 56, 48, 32, 24, 16, 8]
layers = []
for a, b in zip(widths, widths[1:], strict=False):
    layers += [nn.Linear(a, b), nn.Sigmoid()]
net = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loss_fn = nn.BCEWithLogitsLoss()
for _epoch in range(20):
    total = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"Epoch loss: {total / len(loader):.4f}")
