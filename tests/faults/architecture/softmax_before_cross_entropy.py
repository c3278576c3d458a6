"""A small next-character model."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1337)
torch.set_num_threads(1)

TEXT = (
    "the quick brown fox jumps over the lazy dog. pack my box with five dozen liquor jugs. "
    "how vexingly quick daft zebras jump! sphinx of black quartz, judge my vow. "
) * 20
chars = sorted(set(TEXT))
encode = {c: i for i, c in enumerate(chars)}
data = torch.tensor([encode[c] for c in TEXT])
CONTEXT, BATCH = 16, 16


def get_batch():
    start = torch.randint(len(data) - CONTEXT - 1, (BATCH,))
    x = torch.stack([data[s : s + CONTEXT] for s in start])
    y = torch.stack([data[s + 1 : s + CONTEXT + 1] for s in start])
    return x, y


class SimpleModel(nn.Module):
    def __init__(self, vocab, dim=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.position = nn.Parameter(torch.zeros(CONTEXT, dim))
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.linear = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, vocab))
        self.register_buffer("mask", torch.triu(torch.ones(CONTEXT, CONTEXT, dtype=torch.bool), 1))

    def forward(self, idx, targets=None):
        x = self.embedding(idx) + self.position
        x = x + self.attention(x, x, x, attn_mask=self.mask, need_weights=False)[0]
        a = self.linear(x)
        logits = F.softmax(a, dim=-1)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


model = SimpleModel(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(300):
    xs, ys = get_batch()
    logits, loss = model(xs, ys)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, round(loss.item(), 3), f"chance {torch.tensor(float(len(chars))).log():.3f}")
