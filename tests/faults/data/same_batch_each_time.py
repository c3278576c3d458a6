import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
train_loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=8)
x_test, y_test = x[1500:], y[1500:]

mlp = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
opt = optim.Adam(mlp.parameters(), lr=1e-3)

for step in range(400):
    data, target = next(iter(train_loader))
    opt.zero_grad()
    loss = nn.functional.cross_entropy(mlp(data), target)
    loss.backward()
    opt.step()
    if step % 100 == 0:
        with torch.no_grad():
            accuracy = (mlp(x_test).argmax(1) == y_test).float().mean().item()
        print(f"step {step} train {loss.item():.4f} test accuracy {accuracy:.3f}")
with torch.no_grad():
    print("test accuracy", (mlp(x_test).argmax(1) == y_test).float().mean().item())
