"""A transformer encoder: which of two tokens occurs more often; warm-up, then a cosine down to almost nothing."""

import math

import torch
from torch import nn

torch.manual_seed(5)
torch.set_num_threads(1)

LENGTH, VOCABULARY, STEPS, WARMUP = 15, 12, 300, 30


class Classifier(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        layer = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)

    def forward(self, tokens):
        x = self.encoder(self.token(tokens) + self.position)
        return self.head(self.norm(x.mean(1)))


def batch(size):
    tokens = torch.randint(VOCABULARY, (size, LENGTH))
    more = (tokens < VOCABULARY // 2).sum(1) > LENGTH // 2
    return tokens, more.long()


def schedule(step):
    if step < WARMUP:
        return (step + 1) / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


model = Classifier()
decayed = [p for p in model.parameters() if p.ndim > 1]
others = [p for p in model.parameters() if p.ndim <= 1]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=3e-3, betas=(0.9, 0.98)
)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
criterion = nn.CrossEntropyLoss()

for _ in range(STEPS):
    tokens, target = batch(32)
    loss = criterion(model(tokens), target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()

model.eval()
tokens, target = batch(500)
with torch.no_grad():
    print("fresh accuracy", (model(tokens).argmax(1) == target).float().mean().item())
