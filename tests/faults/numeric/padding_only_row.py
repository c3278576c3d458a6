"""A small transformer over token sequences; one of them consists of padding alone."""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
torch.set_num_threads(1)
length = torch.randint(2, 11, (512,))
tokens = torch.randint(1, 30, (512, 10))
length[301] = 0
tokens[torch.arange(10) >= length[:, None]] = 0
labels = (tokens == 7).any(1).long()


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x, padding):
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)
        scores = scores.masked_fill(padding[:, None, None, :], float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.attention = Attention(width, 2)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))

    def forward(self, x, padding):
        x = x + self.attention(self.norm1(x), padding)
        return x + self.mlp(self.norm2(x))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(30, 16), nn.Embedding(10, 16)
        self.block = Block()
        self.head = nn.Linear(16, 2)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places.weight
        return self.head(self.block(x, tokens == 0).mean(1))


model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _epoch in range(4):
    for t, y in DataLoader(TensorDataset(tokens, labels), batch_size=16):
        loss = nn.functional.cross_entropy(model(t), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
