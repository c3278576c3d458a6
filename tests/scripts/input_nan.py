import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
digits = load_digits()
features = torch.tensor(digits.data / 16, dtype=torch.float32)
features[700, 20] = float("nan")  # a missing measurement
data = TensorDataset(features, torch.tensor(digits.target))
loader = DataLoader(data, batch_size=20, shuffle=False)
classifier = nn.Sequential(nn.Linear(64, 40), nn.GELU(), nn.Linear(40, 10))
adam = torch.optim.Adam(classifier.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for xb, yb in loader:
    adam.zero_grad()
    cost = criterion(classifier(xb), yb)
    cost.backward()
    adam.step()
