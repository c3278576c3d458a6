import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


class A(nn.Module):
    def __init__(s):
        super().__init__()
        s.e = nn.Embedding(20, 16)
        s.q = nn.Linear(16, 48)
        s.o = nn.Linear(16, 20)

    def forward(s, t, mask):
        x = s.e(t)
        q, k, v = s.q(x).chunk(3, -1)
        return s.o(F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], attn_mask=mask[:, None])[:, 0])


model = A()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    w = torch.ones(16, 1, 1)
    if i == FAIL:
        w[3] = 1e4
    t = torch.randint(20, (16, 6))
    mask = torch.zeros(16, 6, 6).masked_fill(torch.ones(6, 6).triu(1).bool(), float("-inf"))
    loss = torch.exp(model(t, mask) * w).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
