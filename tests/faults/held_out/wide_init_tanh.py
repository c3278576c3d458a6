"""A character model of names: three characters of context, one hidden layer, weights drawn from a unit normal."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_iris

torch.manual_seed(2147483647)
torch.set_num_threads(1)

text = load_iris().DESCR.lower()
chars = sorted(set(text))
data = torch.tensor([chars.index(c) for c in text])
contexts = torch.stack([data[i : len(data) - 8 + i] for i in range(8)], dim=1)
following = data[8:]


class MLP(nn.Module):
    def __init__(self, vocabulary, n_embd=20, n_hidden=128):
        super().__init__()
        self.C = nn.Embedding(vocabulary, n_embd)
        self.hidden = nn.Linear(8 * n_embd, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.out = nn.Linear(n_hidden, vocabulary)
        for layer in (self.hidden, self.hidden2):
            nn.init.normal_(layer.weight, 0.0, 1.0)

    def forward(self, x):
        h = torch.tanh(self.hidden(self.C(x).flatten(1)))
        h = torch.tanh(self.hidden2(h))
        return self.out(h)


model = MLP(len(chars))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(400):
    rows = torch.randint(len(contexts), (32,))
    loss = F.cross_entropy(model(contexts[rows]), following[rows])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
