import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


class T(nn.Module):
    def __init__(s):
        super().__init__()
        s.e = nn.Embedding(20, 8)
        s.f = nn.Linear(8, 8)
        s.o = nn.Linear(8, 20, bias=False)
        s.o.weight = s.e.weight
        s.scale = nn.Parameter(torch.ones(1))

    def forward(s, t, k):
        return s.o(torch.exp(s.f(s.e(t)) * k))


model = T()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(40):
    t = torch.randint(20, (16,))
    k = torch.ones(16, 1)
    if i == FAIL:
        k[3] = 1e4
    loss = F.cross_entropy(model(t, k), t)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
