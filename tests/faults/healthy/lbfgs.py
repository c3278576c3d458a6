"""L-BFGS with a line search: each step evaluates the loss several times."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(21)
torch.set_num_threads(1)

X, y = load_diabetes(return_X_y=True, scaled=False)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
X = (X - X.mean(0)) / X.std(0)
y = (y - y.mean()) / y.std()
X_train, y_train, X_test, y_test = X[:340], y[:340], X[340:], y[340:]

model = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    penalty = sum((p**2).sum() for p in model.parameters())
    loss = nn.functional.mse_loss(model(X_train), y_train) + 3e-3 * penalty
    loss.backward()
    return loss


for step in range(100):
    loss = optimizer.step(closure)
    if step % 20 == 0:
        print(step, loss.item())

with torch.no_grad():
    print("test error", nn.functional.mse_loss(model(X_test), y_test).item(), "of", y_test.var().item())
