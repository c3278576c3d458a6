import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30

e = nn.Embedding(50, 8, sparse=True)
optimizer = torch.optim.SparseAdam(e.parameters(), 1e-3)
for i in range(40):
    t = torch.randint(50, (16,))
    k = torch.ones(16, 1)
    if i == FAIL:
        k[3] = 1e4
    loss = torch.exp(e(t).abs() * k).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
