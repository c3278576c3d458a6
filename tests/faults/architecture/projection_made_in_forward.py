import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)


class Attend(nn.Module):
    """The key's projection depends on the width of what comes in, so it is made when that is known."""

    def __init__(self, dim=8):
        super().__init__()
        self.dim = dim
        self.project = None
        self.score = nn.Linear(dim, 1)
        self.out = nn.Linear(dim, 3)

    def forward(self, x):
        if self.project is None:
            self.project = nn.Linear(x.shape[-1], self.dim)
        keys = torch.tanh(self.project(x))
        weights = F.softmax(self.score(keys), dim=1)
        return self.out((weights * keys).sum(1))


def sample(n=48):
    x = torch.randn(n, 10, 20)
    return x, (x[:, :, 0] * x[:, :, 1]).sum(1).sign().long() + 1


model = Attend()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
inputs, labels = sample(200)
for _epoch in range(60):
    for i in torch.randperm(200).split(40):
        loss = F.cross_entropy(model(inputs[i]), labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print("loss", F.cross_entropy(model(inputs), labels).item())
