import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim

torch.manual_seed(1)
torch.set_num_threads(1)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(8):
    order = torch.randperm(len(images))
    running = 0.0
    for i in range(0, len(order) - 31, 32):
        batch = order[i : i + 32]
        outputs = net(images[batch])
        loss = F.cross_entropy(outputs, labels[batch])
        loss.backward()
        optimizer.step()
        running += loss.item()
    with torch.no_grad():
        accuracy = (net(images).argmax(1) == labels).float().mean().item()
    print(f"epoch {epoch} loss {running / (len(order) // 32):.3f} accuracy {accuracy:.3f}")
