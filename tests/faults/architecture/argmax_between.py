import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


class Reader(nn.Module):
    """Chooses a code word for each picture, and reads the digit from the word."""

    def __init__(self, words=24):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, words))
        self.words = nn.Embedding(words, 16)
        self.second = nn.Linear(16, 10)

    def forward(self, x):
        y_p = self.first(x)
        chosen = torch.max(y_p, 1)[1]
        return self.second(self.words(chosen))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _epoch in range(8):
    for i in torch.randperm(len(x)).split(50):
        loss = nn.functional.cross_entropy(model(x[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print("loss", nn.functional.cross_entropy(model(x), y).item())
