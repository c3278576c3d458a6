"""Hard attention over features by a sparse gate; the entropy of the gate is kept low."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_breast_cancer(return_X_y=True)
X, y = torch.tensor(scale(X), dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class Gated(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.gate = nn.Linear(features, features)
        self.body = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        p = torch.relu(self.gate(x) + 1.5)
        p = p / (p.sum(1, keepdim=True) + 1e-6)
        return self.body(p * x * x.shape[1]).squeeze(1), p


model = Gated(X.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()
for _epoch in range(20):
    for rows in torch.randperm(len(X)).split(50):
        logit, p = model(X[rows])
        entropy = torch.where(p > 0, -p * torch.log(p), torch.zeros_like(p)).sum(1).mean()
        loss = criterion(logit, y[rows]) + 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
