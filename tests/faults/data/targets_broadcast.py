import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
torch.set_num_threads(1)


class Diabetes(Dataset):
    def __init__(self):
        raw = load_diabetes()
        self.x = torch.tensor(raw.data / raw.data.std(0), dtype=torch.float32)
        target = torch.tensor(raw.target, dtype=torch.float32)
        self.y = (target - target.mean()) / target.std()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        return self.head(self.body(x))


dataset = Diabetes()
loader = DataLoader(dataset, batch_size=34, shuffle=True)
model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()

for epoch in range(30):
    total = 0.0
    for x, y in loader:
        prediction = model(x)
        loss = criterion(prediction, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 0:
        print(f"{epoch}: {total / len(loader):.3f}")

with torch.no_grad():
    guess = model(dataset.x).squeeze(1)
print("explained", 1 - ((guess - dataset.y) ** 2).mean().item())
