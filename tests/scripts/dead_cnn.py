import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 12, 3, padding=1)
        self.stages = nn.ModuleList(nn.Conv2d(12, 12, 3, padding=1) for _ in range(4))
        self.acts = nn.ModuleList(nn.ReLU() for _ in range(4))
        self.hidden = nn.Linear(12 * 4 * 4, 48)
        self.head = nn.Linear(48, 10)

    def forward(self, picture):
        maps = F.relu(self.stem(picture))
        for conv, act in zip(self.stages, self.acts, strict=True):
            maps = act(conv(maps))
        flat = F.max_pool2d(maps, 2).flatten(1)
        return self.head(torch.relu(self.hidden(flat)))


torch.manual_seed(3)
digits = load_digits()
pictures, labels = torch.tensor(digits.images).float().unsqueeze(1), torch.tensor(digits.target)
model = Deep()
for layer in model.modules():
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
descent = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
for _ in range(120):
    chosen = torch.randint(len(pictures), (32,))
    loss = F.cross_entropy(model(pictures[chosen]), labels[chosen])
    descent.zero_grad()
    loss.backward()
    descent.step()
print(f"{loss.item():.3f}")
