"""A small student learns from a larger teacher, which is in evaluation mode and is never updated."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from torch import nn

torch.manual_seed(41)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
train, test = torch.arange(1300), torch.arange(1300, 1797)

fitted = MLPClassifier((100,), max_iter=60, random_state=0).fit(x[train].numpy(), y[train].numpy())
teacher = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Dropout(0.3), nn.Linear(100, 10))
for layer, weight, bias in zip((teacher[0], teacher[3]), fitted.coefs_, fitted.intercepts_, strict=True):
    layer.weight.data = torch.tensor(weight.T, dtype=torch.float32)
    layer.bias.data = torch.tensor(bias, dtype=torch.float32)
teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)

student = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 10))
student.train()
optimizer = torch.optim.Adam(student.parameters(), lr=4e-3)
T, alpha = 3.0, 0.7

for _ in range(20):
    for pick in train[torch.randperm(len(train))].split(50):
        with torch.no_grad():
            soft = F.softmax(teacher(x[pick]) / T, dim=1)
        logits = student(x[pick])
        distil = F.kl_div(F.log_softmax(logits / T, dim=1), soft, reduction="batchmean") * T * T
        loss = alpha * distil + (1 - alpha) * F.cross_entropy(logits, y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

student.eval()
with torch.no_grad():
    for name, net in (("teacher", teacher), ("student", student)):
        print(name, (net(x[test]).argmax(1) == y[test]).float().mean().item())
