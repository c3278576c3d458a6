import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(6)
torch.set_num_threads(1)

digits = load_digits()
images = torch.tensor((digits.images * 255 / 16).astype("uint8"))  # as a camera gives them
labels = torch.tensor(digits.target)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 4, 84)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x)).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


net = LeNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(6):
    for idx in torch.randperm(len(images)).split(32):
        batch = images[idx].unsqueeze(1).float()
        loss = F.cross_entropy(net(batch), labels[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    print("accuracy", (net(images.unsqueeze(1).float()).argmax(1) == labels).float().mean().item())
