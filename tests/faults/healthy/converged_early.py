"""An easy problem that is solved after a tenth of the run: the loss then stays next to zero."""

import torch
import torch.nn as nn
from sklearn.datasets import make_blobs

torch.manual_seed(13)
torch.set_num_threads(1)

X, y = make_blobs(900, centers=4, cluster_std=0.6, center_box=(-6, 6), random_state=3)
X, y = torch.tensor(X, dtype=torch.float32) / 6, torch.tensor(y)
X_train, y_train, X_test, y_test = X[:700], y[:700], X[700:], y[700:]

model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)

for step in range(500):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(model(X_train), y_train)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())

with torch.no_grad():
    print("test accuracy", (model(X_test).argmax(1) == y_test).float().mean().item())
