import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(8)
torch.set_num_threads(1)


class Characters(Dataset):
    """Pictures with pixels from 0 to 1."""

    def __init__(self):
        raw = load_digits()
        pixels = (raw.images * 15.9).astype(np.uint8)
        self.batch = np.zeros((len(pixels), 1, 8, 8), dtype=np.uint8)
        for i, picture in enumerate(pixels):
            self.batch[i, 0] = picture / 255
        self.labels = raw.target

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.tensor(self.batch[i], dtype=torch.float32), int(self.labels[i])


class CRNN(nn.Module):
    """Reads the picture column by column."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.rnn = nn.GRU(64, 48, batch_first=True, bidirectional=True)
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        columns = self.conv(x).permute(0, 3, 1, 2).flatten(2)
        out, _ = self.rnn(columns)
        return self.head(out.mean(1))


loader = DataLoader(Characters(), batch_size=36, shuffle=True)
model = CRNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(4):
    hits = 0
    for x, y in loader:
        out = model(x)
        loss = criterion(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch}: accuracy {hits / 1797:.3f}")
