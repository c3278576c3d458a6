import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

X, price = make_friedman1(600, random_state=0)
price = 15_000 + 20_000 * price  # dollars
X = torch.tensor(X, dtype=torch.float32)
price = torch.tensor(price, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(X, price), batch_size=60, shuffle=True)


class HousePrices(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(10, 64)
        self.output = nn.Linear(64, 1)

    def forward(self, x):
        return self.output(torch.relu(self.hidden(x)))


model = HousePrices()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.MSELoss()
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(epoch, f"{loss.item():.4g}")
with torch.no_grad():
    print("explained", 1 - (criterion(model(X), price) / price.var()).item())
