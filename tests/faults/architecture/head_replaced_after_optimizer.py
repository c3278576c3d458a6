import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)


class Backbone(nn.Module):
    def __init__(self, num_classes=1000):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3),
            nn.ReLU(),
        )
        self.fc = nn.Linear(96, num_classes)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


model = Backbone()
for parameter in model.features.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
model.fc = nn.Linear(96, 10)  # ours has ten classes

digits = load_digits()
loader = DataLoader(
    TensorDataset(torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1), torch.tensor(digits.target)),
    batch_size=64,
    shuffle=True,
)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    correct = 0
    for images, labels in loader:
        optimizer.zero_grad()
        output = model(images)
        loss = criterion(output, labels)
        loss.backward()
        optimizer.step()
        correct += (output.argmax(1) == labels).sum().item()
    print(f"epoch {epoch} accuracy {correct / 1797:.3f}")
