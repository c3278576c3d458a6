import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

np.random.seed(3)
torch.manual_seed(3)
torch.set_num_threads(1)

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32)
X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32)).unsqueeze(1)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def train_step(xb, yb):
    loss = loss_fn(model(xb), yb)
    loss.backward()
    opt.zero_grad()
    opt.step()
    return loss.item()


for step in range(300):
    idx = np.random.randint(0, len(X), 64)
    loss = train_step(X[idx], y[idx])
    if step % 50 == 0:
        print(f"step {step:4d}  loss {loss:.4f}")

with torch.no_grad():
    print("mean loss", loss_fn(model(X), y).item())
