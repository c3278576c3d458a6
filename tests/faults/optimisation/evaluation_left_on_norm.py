import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) * 4 - 20
Y = torch.tensor(digits.target)
train_x, train_y, val_x, val_y = X[:1500], Y[:1500], X[1500:], Y[1500:]


class Block(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(b)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


model = nn.Sequential(
    Block(1, 16), nn.MaxPool2d(2), Block(16, 32), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
criterion = nn.CrossEntropyLoss()


def evaluate():
    model.eval()
    with torch.no_grad():
        return (model(val_x).argmax(1) == val_y).float().mean().item()


model.train()
print("before training", evaluate())  # that all shapes fit
for epoch in range(8):
    for i in torch.randperm(1500).split(50):
        optimizer.zero_grad()
        loss = criterion(model(train_x[i]), train_y[i])
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item(), "accuracy", evaluate())
