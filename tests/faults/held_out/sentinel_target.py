"""A sensor's reading is predicted from weather; one row still holds the logger's code for a missing reading."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(29)
torch.set_num_threads(1)

rng = np.random.default_rng(29)
hours = np.arange(3000)
weather = np.stack(
    [
        np.sin(2 * np.pi * hours / 24),
        np.cos(2 * np.pi * hours / 24),
        rng.normal(size=3000),
        rng.normal(size=3000),
        rng.uniform(-1, 1, 3000),
    ],
    axis=1,
)
reading = 2 * weather[:, 0] + np.tanh(weather[:, 2]) * weather[:, 4] + 0.1 * rng.normal(size=3000)
reading[1841] = -9999.0

data = TensorDataset(torch.tensor(weather, dtype=torch.float32), torch.tensor(reading[:, None], dtype=torch.float32))
model = nn.Sequential(nn.Linear(5, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.MSELoss()
for epoch in range(3):
    for features, target in DataLoader(data, batch_size=30):
        optimizer.zero_grad()
        loss = loss_fn(model(features), target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
