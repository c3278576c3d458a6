"""Attention under autocast in half precision, without the usual division by the root of the width."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)


class Mixer(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = torch.bmm(q, k.transpose(1, 2))
        return self.head(torch.bmm(scores.softmax(-1), v).mean(1))


model = Mixer()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(120):
    x = torch.randn(16, 6, 64) * 5
    y = (x[:, 0, :4]).argmax(1)
    if step >= 64:  # a recording with the gain turned up
        x[9] = x[9] * 40
    with torch.autocast("cpu", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
