import torch
from torch import nn

torch.manual_seed(6)


class Attention(nn.Module):
    def __init__(self, words=30, dim=12):
        super().__init__()
        self.embed = nn.Embedding(words, dim)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, 4)

    def forward(self, words, padding):
        x = self.embed(words)
        scores = self.query(x) @ self.key(x).transpose(1, 2) / 12**0.5
        scores = scores.masked_fill(padding[:, None, :], float("-inf"))
        return self.out((scores.softmax(-1) @ x).mean(1))


model = Attention()
adam = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(50):
    words = torch.randint(30, (9, 8))
    lengths = torch.randint(1, 9, (9,))
    if step == 21:
        lengths[6] = 0  # an empty sentence
    padding = torch.arange(8)[None] >= lengths[:, None]
    adam.zero_grad()
    nn.functional.cross_entropy(model(words, padding), words[:, 0] % 4).backward()
    adam.step()
