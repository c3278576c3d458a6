"""Three classes of 88, 9 and 3 per cent; the loss weights them, and the rare ones are learnt."""

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(19)
torch.set_num_threads(1)

X, y = make_classification(
    3000, 10, n_informative=6, n_redundant=1, n_classes=3, weights=[0.88, 0.09, 0.03], class_sep=1.8,
    n_clusters_per_class=1,
    random_state=19,
)  # fmt: skip
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
count = torch.bincount(y[:2400])
criterion = nn.CrossEntropyLoss(weight=count.sum() / (3 * count))
loader = DataLoader(TensorDataset(X[:2400], y[:2400]), batch_size=60, shuffle=True)

model = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.3)

for _ in range(10):
    model.train()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
    scheduler.step()

model.eval()
with torch.no_grad():
    guess = model(X[2400:]).argmax(1)
for c in range(3):
    print("recall of class", c, (guess[y[2400:] == c] == c).float().mean().item())
