"""A weight-normalised regressor whose last layer starts at zero, so that the first output is zero."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_diabetes(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = weight_norm(nn.Linear(10, 32))
        last = nn.Linear(32, 1)
        nn.init.zeros_(last.weight)
        self.last = weight_norm(last)

    def forward(self, x):
        return self.last(torch.sigmoid(self.hidden(x))).squeeze(1)


model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _epoch in range(10):
    for rows in torch.randperm(len(X)).split(34):
        loss = nn.functional.mse_loss(model(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
