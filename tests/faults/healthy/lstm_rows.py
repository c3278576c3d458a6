"""An LSTM reads an image row by row; RMSprop, the norm of the gradient clipped."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.utils import clip_grad_norm_

torch.manual_seed(3)
torch.set_num_threads(1)


class RowReader(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(hidden, 10)

    def forward(self, rows):
        output, _ = self.lstm(rows)
        return self.head(output[:, -1])


digits = load_digits()
sequences = torch.tensor(digits.images, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
held_out = torch.arange(len(labels)) % 5 == 0

model = RowReader()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()
pool = torch.nonzero(~held_out).squeeze(1)

model.train()
for step in range(400):
    pick = pool[torch.randint(len(pool), (64,))]
    optimizer.zero_grad()
    loss = loss_fn(model(sequences[pick]), labels[pick])
    loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 100 == 99:
        print(step, loss.item())

model.eval()
with torch.no_grad():
    accuracy = (model(sequences[held_out]).argmax(1) == labels[held_out]).float().mean()
print("held-out accuracy", accuracy.item())
