"""A new head on a backbone that is frozen on purpose; only the head is given to the optimiser."""

import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn

torch.manual_seed(10)
torch.set_num_threads(1)


class Backbone(nn.Module):
    """Features that were learnt elsewhere: principal components, then random rectified ones."""

    def __init__(self, images):
        super().__init__()
        pca = PCA(24, whiten=True).fit(images.numpy())
        self.project = nn.Linear(64, 24)
        weight = pca.components_ / (pca.explained_variance_[:, None] ** 0.5)
        self.project.weight.data = torch.tensor(weight, dtype=torch.float32)
        self.project.bias.data = -self.project.weight.data @ torch.tensor(pca.mean_, dtype=torch.float32)
        self.expand = nn.Linear(24, 200)

    def forward(self, x):
        return torch.relu(self.expand(self.project(x)))


digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
split = torch.randperm(len(x))
train, test = split[:1300], split[1300:]

backbone = Backbone(x[train])
for p in backbone.parameters():
    p.requires_grad = False
head = nn.Linear(200, 10)
model = nn.Sequential(backbone, head)
optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)

for _ in range(15):
    for pick in train[torch.randperm(len(train))].split(65):
        loss = nn.functional.cross_entropy(model(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print("test accuracy", (model(x[test]).argmax(1) == y[test]).float().mean().item())
