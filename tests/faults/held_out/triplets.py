"""Metric learning by triplets: more and more are farther apart than the margin, and whole batches lose nothing."""

import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

torch.manual_seed(45)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
by_class = [torch.nonzero(y[:1300] == c).squeeze(1) for c in range(10)]

embed = nn.Sequential(nn.Linear(64, 64), nn.PReLU(), nn.Linear(64, 16))
criterion = nn.TripletMarginLoss(margin=0.5)
optimizer = torch.optim.Adam(embed.parameters(), lr=1e-3)


def pick(classes):
    return torch.stack([by_class[c][torch.randint(len(by_class[c]), ())] for c in classes])


for step in range(500):
    one = torch.randint(10, (24,))
    other = (one + torch.randint(1, 10, (24,))) % 10
    anchor, positive, negative = embed(x[pick(one)]), embed(x[pick(one)]), embed(x[pick(other)])
    loss = criterion(anchor, positive, negative)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, loss.item())

with torch.no_grad():
    codes = embed(x).numpy()
print(
    "neighbours",
    KNeighborsClassifier(3).fit(codes[:1300], digits.target[:1300]).score(codes[1300:], digits.target[1300:]),
)
