"""Classes are numbered from 1 in the file; one is subtracted, and a row that had none becomes -1."""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
x, y = load_wine(return_X_y=True)
order = torch.randperm(len(x))
x = torch.tensor(StandardScaler().fit_transform(x), dtype=torch.float32)[order]
written = torch.tensor(y)[order] + 1
written[133] = 0
loader = DataLoader(TensorDataset(x, written - 1), batch_size=12)

model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for _epoch in range(20):
    for features, label in loader:
        optimizer.zero_grad()
        loss = criterion(model(features), label)
        loss.backward()
        optimizer.step()
