"""Recalls the first symbol of a long sequence."""

import torch
import torch.nn as nn

torch.manual_seed(0)
torch.set_num_threads(1)

LENGTH = 80


def recall(n=32):
    first = torch.randint(0, 4, (n,))
    x = torch.randn(n, LENGTH, 4) * 0.3
    x[torch.arange(n), 0] = torch.eye(4)[first] * 2
    return x, first


class CharRNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(4, hidden, nonlinearity="tanh", batch_first=True)
        self.fc = nn.Linear(hidden, 4)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


net = CharRNN()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(300):
    x, target = recall()
    loss = nn.functional.cross_entropy(net(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        print(step, loss.item())
