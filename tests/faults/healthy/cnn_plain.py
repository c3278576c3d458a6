"""A small convolutional network without normalisation, SGD with momentum."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc2(F.relu(self.fc1(x)))


digits = load_digits()
images = torch.from_numpy((digits.images / 16.0).astype(np.float32)).unsqueeze(1)
images = (images - images.mean()) / images.std()
targets = torch.from_numpy(digits.target)
order = torch.randperm(len(images))
train_idx, test_idx = order[:1400], order[1400:]

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(8):
    running = 0.0
    for batch in train_idx[torch.randperm(len(train_idx))].split(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images[batch]), targets[batch])
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch}: {running / 28:.3f}")

with torch.no_grad():
    print("test accuracy", (net(images[test_idx]).argmax(1) == targets[test_idx]).float().mean().item())
