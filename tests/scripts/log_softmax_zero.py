import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, Dataset


class Wine(Dataset):
    def __init__(self):
        raw = load_wine()
        self.rows = raw.data.astype(np.float32)
        self.labels = raw.target
        self.rows = (self.rows - self.rows.mean(0)) / self.rows.std(0)
        self.rows[131] *= 100  # someone entered milligrams as micrograms
        self.labels = self.labels.copy()
        self.labels[131] = 1

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i], self.labels[i]


class Cellar(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 32), nn.BatchNorm1d(32), nn.LeakyReLU(), nn.Dropout(0.2))
        self.skip = nn.Linear(13, 3)
        self.head = nn.Linear(32, 3)

    def forward(self, x, temperature):
        return torch.softmax((self.head(self.body(x)) + self.skip(x)) / temperature, dim=1)


def negative_log_likelihood(p, t):
    picked = p.gather(1, t.unsqueeze(1)).squeeze(1)
    return -torch.log(picked).mean()


def main():
    torch.manual_seed(11)
    g = torch.Generator()
    g.manual_seed(2024)
    train_dl = DataLoader(Wine(), batch_size=22, shuffle=True, generator=g, drop_last=True)
    cellar = Cellar()
    optimiser = torch.optim.AdamW(cellar.parameters(), lr=2e-3)
    for epoch in range(6):
        temperature = 0.35**epoch
        cellar.train()
        total = 0.0
        for rows, labels in train_dl:
            optimiser.zero_grad(set_to_none=True)
            loss = negative_log_likelihood(cellar(rows, temperature), labels)
            loss.backward()
            optimiser.step()
            total += loss.item()
        print(epoch, total / len(train_dl))


if __name__ == "__main__":
    main()
