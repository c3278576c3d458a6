import torch
from sklearn.datasets import make_regression
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = make_regression(n_samples=40, n_features=20, noise=1.0, random_state=1)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y / y.std(), dtype=torch.float32).unsqueeze(1)

model = nn.Linear(20, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
history = []
for epoch in range(200):
    optimizer.zero_grad()
    loss = loss_fn(model(X), y)
    loss.backward()
    optimizer.step()
    history.append(loss.item())
    if epoch % 20 == 0:
        print(f"w({epoch}): cost {history[-1]:.4g}")
print("cost", history[-1])
