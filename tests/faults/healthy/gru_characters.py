"""A character model: an embedding, a GRU whose state is carried from window to window (truncated), a softmax."""

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes, load_digits

torch.manual_seed(4)
torch.set_num_threads(1)

text = (load_digits().DESCR + load_diabetes().DESCR).lower()
alphabet = sorted(set(text))
code = {c: i for i, c in enumerate(alphabet)}
stream = torch.tensor([code[c] for c in text])
held_out, stream = stream[2000:2600], torch.cat([stream[:2000], stream[2600:]])

BATCH, WINDOW = 16, 24
columns = stream[: len(stream) // BATCH * BATCH].view(BATCH, -1)


class CharGRU(nn.Module):
    def __init__(self, vocabulary, width=96):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 32)
        self.gru = nn.GRU(32, width, batch_first=True)
        self.out = nn.Linear(width, vocabulary)

    def forward(self, tokens, state=None):
        hidden, state = self.gru(self.embed(tokens), state)
        return self.out(hidden), state


model = CharGRU(len(alphabet))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    state = None
    for start in range(0, columns.shape[1] - WINDOW - 1, WINDOW):
        tokens = columns[:, start : start + WINDOW]
        following = columns[:, start + 1 : start + WINDOW + 1]
        if state is not None:
            state = state.detach()
        logits, state = model(tokens, state)
        loss = criterion(logits.flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
    print(epoch, loss.item())

with torch.no_grad():
    logits, _ = model(held_out[None, :-1])
    print(
        "held-out nats a character",
        criterion(logits[0], held_out[1:]).item(),
        "of",
        torch.tensor(len(alphabet)).log().item(),
    )
