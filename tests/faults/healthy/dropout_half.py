"""Half of two wide layers is dropped, so that half of their outputs are zero in every batch."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(24)
torch.set_num_threads(1)


class DropoutNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(64, 256), nn.ReLU(), nn.Dropout(p=0.5), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(p=0.5)
        )
        self.classifier = nn.Linear(256, 10)

    def forward(self, x):
        return self.classifier(self.features(x))


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32) / 16, torch.tensor(y)
train_loader = DataLoader(TensorDataset(X[:1400], y[:1400]), batch_size=56, shuffle=True)

net = DropoutNet()
optimizer = torch.optim.SGD(
    [
        {"params": net.features.parameters()},
        {"params": net.classifier.parameters(), "lr": 0.02, "weight_decay": 1e-3},
    ],
    lr=0.1,
    momentum=0.9,
)

for epoch in range(12):
    net.train()
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()

    net.eval()
    with torch.no_grad():
        print(epoch, "test accuracy", (net(X[1400:]).argmax(1) == y[1400:]).float().mean().item())
