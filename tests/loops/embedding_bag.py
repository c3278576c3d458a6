import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


bag = nn.EmbeddingBag(50, 8, mode="mean")
head = nn.Linear(8, 8)
optimizer = torch.optim.SGD([*bag.parameters(), *head.parameters()], 1e-2)
for i in range(40):
    words = torch.randint(50, (60,))
    starts = torch.arange(0, 60, 5)
    weight = torch.ones(12, 1)
    if i == FAIL:
        weight[3] = 1e7
    loss = torch.exp(head(bag(words, starts)).abs() * weight).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
