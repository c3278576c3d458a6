import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(5)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
mlp = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optim = torch.optim.Adam(mlp.parameters(), lr=3e-3)
for step in range(60):
    pick = torch.randint(0, len(x), (64,))
    loss = nn.functional.cross_entropy(mlp(x[pick]), y[pick])
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step == 40:
        raise ValueError("the learning rate schedule has no entry for step 41")
