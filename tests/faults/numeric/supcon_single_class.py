"""Supervised contrastive embeddings: a sample whose class is alone in the batch has no positive."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)
torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)
labels = torch.tensor(labels)


class SupCon(nn.Module):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.temperature = temperature

    def forward(self, z, y):
        logits = z @ z.T / self.temperature
        logits = logits - logits.max(1, keepdim=True).values.detach()
        others = 1 - torch.eye(len(z))
        positive = (y[:, None] == y[None]).float() * others
        log_prob = logits - (logits.exp() * others).sum(1, keepdim=True).log()
        return -((positive * log_prob).sum(1) / positive.sum(1)).mean()


encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
criterion = SupCon()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9)
for _epoch in range(5):
    for x, y in DataLoader(TensorDataset(images, labels), batch_size=56, shuffle=True):
        z = F.normalize(encoder(x), dim=1)
        loss = criterion(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
