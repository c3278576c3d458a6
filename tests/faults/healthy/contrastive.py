"""Contrastive learning of digits: two noisy views of an image against the rest of the batch (InfoNCE)."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

torch.manual_seed(18)
torch.set_num_threads(1)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 16


def view(batch):
    shift = torch.randint(-1, 2, (2,)).tolist()
    moved = torch.roll(batch, shift, dims=(1, 2))
    keep = torch.rand_like(moved) > 0.15
    return (moved * keep + 0.1 * torch.randn_like(moved)).flatten(1)


encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 32))
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=2e-3)
temperature = 0.2

for step in range(300):
    batch = images[torch.randint(1400, (96,))]
    a = F.normalize(projector(encoder(view(batch))), dim=1)
    b = F.normalize(projector(encoder(view(batch))), dim=1)
    logits = a @ b.t() / temperature
    target = torch.arange(len(batch))
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        print(step, loss.item())

with torch.no_grad():
    codes = F.normalize(encoder(images.flatten(1)), dim=1).numpy()
print(
    "nearest neighbours",
    KNeighborsClassifier(5).fit(codes[:1400], digits.target[:1400]).score(codes[1400:], digits.target[1400:]),
)
