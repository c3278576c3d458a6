"""Pairs of noisy rows by a contrastive loss with the exponentials written out, at a temperature of 0.01."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
rows = torch.tensor(StandardScaler().fit_transform(load_wine().data), dtype=torch.float32)


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(13, 32)
        self.head = nn.Linear(32, 16)

    def forward(self, x):
        return F.normalize(self.head(torch.relu(self.body(x))), dim=-1)


class Contrast(nn.Module):
    def __init__(self, temperature=0.01):
        super().__init__()
        self.temperature = temperature

    def forward(self, a, b):
        similarity = torch.exp(a @ b.T / self.temperature)
        return -torch.log(similarity.diag() / similarity.sum(1)).mean()


model, contrast = Projector(), Contrast()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _step in range(200):
    x = rows[torch.randint(len(rows), (32,))]
    loss = contrast(model(x + 0.6 * torch.randn_like(x)), model(x + 0.6 * torch.randn_like(x)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
