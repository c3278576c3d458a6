import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args()

torch.manual_seed(42)
digits = load_digits()
dataset = TensorDataset(torch.tensor(digits.images).float().div(16).unsqueeze(1), torch.tensor(digits.target))
train_set, val_set = random_split(dataset, [1500, len(dataset) - 1500])


def block(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))


net = nn.Sequential(
    block(1, 16), block(16, 32), nn.Flatten(), nn.Dropout(0.25), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)
opt = optim.Adam(net.parameters(), lr=1e-3)
sched = optim.lr_scheduler.StepLR(opt, 1, 0.7)
ce = nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(args.epochs):
    net.train()
    for img, lab in DataLoader(train_set, batch_size=25, shuffle=True):
        opt.zero_grad()
        loss = ce(net(img), lab)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        hits = sum((net(img).argmax(1) == lab).sum().item() for img, lab in DataLoader(val_set, batch_size=99))
    print(f"epoch {epoch}: {hits / len(val_set):.3f}")
