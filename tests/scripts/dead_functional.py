import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_default_dtype(torch.float32)


class Screening(nn.Module):
    def __init__(self, width=40):
        super().__init__()
        self.lift = nn.Linear(30, width)
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, v):
        v = F.relu(self.lift(v))
        v = F.relu(self.mix(v))
        return self.out(v).squeeze(1)


torch.manual_seed(8)
bunch = load_breast_cancer()
V = torch.tensor(bunch.data / bunch.data.std(0), dtype=torch.float32)
T = torch.tensor(bunch.target, dtype=torch.float32)
screening = Screening()
sgd = torch.optim.SGD(screening.parameters(), lr=3.0, momentum=0.9)
for _ in range(220):
    rows = torch.randint(len(V), (48,))
    loss = F.binary_cross_entropy_with_logits(screening(V[rows]), T[rows])
    sgd.zero_grad()
    loss.backward()
    sgd.step()
