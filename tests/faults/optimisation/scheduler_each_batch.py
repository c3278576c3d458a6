import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
torch.set_num_threads(1)

digits = load_digits()
pixels = torch.tensor(digits.images / 16, dtype=torch.float32)
target = torch.tensor(digits.target)
train = DataLoader(TensorDataset(pixels, target), batch_size=32, shuffle=True)


class RowReader(nn.Module):
    """Reads a picture row by row."""

    def __init__(self, hidden=40):
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, num_layers=2, batch_first=True)
        self.classify = nn.Linear(hidden, 10)

    def forward(self, rows):
        states, _ = self.lstm(rows)
        return self.classify(states[:, -1])


def train_one_epoch(model, optimizer, scheduler, loader):
    total = 0.0
    for rows, digit in loader:
        loss = nn.functional.cross_entropy(model(rows), digit)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    return total / len(loader)


model = RowReader()
optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)  # halve every three epochs
for epoch in range(8):
    mean_loss = train_one_epoch(model, optimizer, scheduler, train)
    print(f"epoch {epoch}: loss {mean_loss:.4f}")
