"""Regression on a table in which one target was never measured."""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
torch.set_num_threads(1)


class Diabetes(Dataset):
    def __init__(self):
        self.x, y = load_diabetes(return_X_y=True)
        y[318] = np.nan
        self.y = (y - np.nanmean(y)) / np.nanstd(y)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return torch.tensor(self.x[i] * 20, dtype=torch.float32), torch.tensor(self.y[i], dtype=torch.float32)


model = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
criterion = nn.SmoothL1Loss()
for _epoch in range(8):
    for x, y in DataLoader(Diabetes(), batch_size=17):
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
