"""Four micro-batches a step: the loss is divided, and the gradients are zeroed after each step."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(11)
torch.set_num_threads(1)

bunch = load_digits()
dataset = TensorDataset(torch.tensor(bunch.data / 16.0, dtype=torch.float), torch.tensor(bunch.target))
train_set, test_set = random_split(dataset, [1440, len(dataset) - 1440])
loader = DataLoader(train_set, batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
accumulation_steps = 4

optimizer.zero_grad()
for epoch in range(10):
    for i, (inputs, labels) in enumerate(loader):
        loss = nn.functional.cross_entropy(model(inputs), labels) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(epoch, loss.item() * accumulation_steps)

model.eval()
inputs, labels = next(iter(DataLoader(test_set, batch_size=len(test_set))))
with torch.no_grad():
    print("test accuracy", (model(inputs).argmax(1) == labels).float().mean().item())
