"""Batch normalisation, and a data set that leaves one row for the last batch."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)[:, None]
train = TensorDataset(X[:481], y[:481])

net = nn.Sequential(nn.Linear(30, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()
for _epoch in range(5):
    for features, target in DataLoader(train, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        criterion(net(features), target).backward()
        optimizer.step()
