import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

cancer = load_breast_cancer()
x = torch.tensor(cancer.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(cancer.target)

classifier = nn.Sequential(
    nn.Linear(30, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2)
)
config = {"lr": 1e-7, "batch_size": 32, "epochs": 20}
optimizer = torch.optim.AdamW(classifier.parameters(), lr=config["lr"])
loader = DataLoader(TensorDataset(x, y), batch_size=config["batch_size"], shuffle=True)
cross_entropy = nn.CrossEntropyLoss()

for epoch in range(config["epochs"]):
    losses = []
    for inputs, targets in loader:
        loss = cross_entropy(classifier(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(epoch, sum(losses) / len(losses))
