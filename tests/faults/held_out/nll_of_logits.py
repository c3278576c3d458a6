import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(21)
torch.set_num_threads(1)


class PointClassifier(nn.Module):
    """Shapes from clouds of points: a shared MLP, the maximum over points, a classifier."""

    def __init__(self, classes=4):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 32, 1)
        self.conv2 = nn.Conv1d(32, 64, 1)
        self.fc1 = nn.Linear(64, 32)
        self.fc2 = nn.Linear(32, classes)

    def forward(self, points):
        x = F.relu(self.conv1(points))
        x = F.relu(self.conv2(x)).max(dim=2).values
        return self.fc2(F.relu(self.fc1(x)))


def clouds(count):
    label = torch.randint(4, (count,))
    stretch = torch.tensor([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 0.1]])[label]
    return torch.randn(count, 3, 48) * stretch.unsqueeze(-1), label


model = PointClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(300):
    points, label = clouds(24)
    pred = model(points)
    loss = F.nll_loss(pred, label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())
