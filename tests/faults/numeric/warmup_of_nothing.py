"""A schedule of the learning rate with warm-up, which is switched off by a length of zero."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
np.seterr(all="ignore")
X, y = load_diabetes(return_X_y=True)
X = torch.tensor(X * 20, dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


class WarmUp:
    def __init__(self, optimizer, peak, steps):
        self.optimizer, self.peak, self.steps, self.count = optimizer, peak, np.float64(steps), np.float64(0)

    def step(self):
        share = np.minimum(self.count / self.steps, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = float(self.peak * share)
        self.count += 1


model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
schedule = WarmUp(optimizer, peak=1e-3, steps=0)
for _step in range(300):
    schedule.step()
    rows = torch.randint(len(X), (32,))
    loss = F.mse_loss(model(X[rows]).squeeze(1), y[rows])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
