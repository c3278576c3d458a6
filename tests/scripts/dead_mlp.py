import torch
from sklearn.datasets import load_diabetes

data = load_diabetes(scaled=False)
inputs = torch.from_numpy(data.data).float()
goal = torch.from_numpy(data.target).float().unsqueeze(-1) / 100

torch.manual_seed(0)
regressor = torch.nn.Sequential()
regressor.add_module("first", torch.nn.Linear(10, 24))
regressor.add_module("rect", torch.nn.ReLU())
regressor.add_module("second", torch.nn.Linear(24, 24))
regressor.add_module("rect2", torch.nn.ReLU())
regressor.add_module("last", torch.nn.Linear(24, 1))

lr = 2e-3
for _ in range(30):
    order = torch.randperm(len(inputs))
    for k in range(0, len(order), 64):
        batch = order[k : k + 64]
        err = (regressor(inputs[batch]) - goal[batch]).square().mean()
        err.backward()
        with torch.no_grad():
            for p in regressor.parameters():
                p -= lr * p.grad
                p.grad = None
