import torch
from torch import nn, optim

torch.manual_seed(12)
torch.set_num_threads(1)

T = 20


def sequences(n):
    """The class is the place of the larger of two bumps."""
    x = 0.1 * torch.randn(n, T, 3)
    a, b = torch.randint(0, T // 2, (n,)), torch.randint(T // 2, T, (n,))
    first = torch.rand(n) < 0.5
    x[torch.arange(n), a, 1] += torch.where(first, 2.0, 1.0)
    x[torch.arange(n), b, 1] += torch.where(first, 1.0, 2.0)
    return x, first.long()


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[1][-1]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(nn.Linear(4, 2))

    def set_trainable(self, part, flag):
        for p in part.parameters():
            if p.requires_grad:
                p.requires_grad = flag


model = Model()
loss_fn = nn.CrossEntropyLoss()

model.set_trainable(model.encoder, False)  # warm up the head
optimizer = optim.Adam(model.head.parameters(), lr=1e-2)
for _ in range(40):
    x, y = sequences(64)
    loss = loss_fn(model.head(model.encoder(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

model.set_trainable(model.encoder, True)  # then all of it
optimizer = optim.Adam(model.parameters(), lr=1e-2)
for step in range(260):
    x, y = sequences(64)
    loss = loss_fn(model.head(model.encoder(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())
