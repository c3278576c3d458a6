import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

data = load_digits()
x = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(data.target)
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))


vgg = nn.Sequential(conv(1, 16), conv(16, 32), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(vgg.parameters(), lr=0.3)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    right = 0
    for images, labels in loader:
        optimizer.zero_grad()
        scores = vgg(images)
        loss = criterion(scores, labels)
        loss.backward()
        optimizer.step()
        right += (scores.argmax(1) == labels).sum().item()
    print(f"epoch {epoch} accuracy {right / len(x):.3f}")
