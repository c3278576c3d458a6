import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

np.random.seed(0)
torch.manual_seed(0)
torch.set_num_threads(1)

features, labels = load_digits(return_X_y=True)
features = (features / 16).astype(np.float32)
np.random.shuffle(features)
np.random.shuffle(labels)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    total = 0.0
    for start in range(0, 1792, 32):
        x = torch.from_numpy(features[start : start + 32])
        y = torch.from_numpy(labels[start : start + 32])
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / 56)
