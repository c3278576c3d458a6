import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(3)
torch.set_num_threads(1)


class PoseNet(nn.Module):
    """Predicts a unit direction from a noisy observation of it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.direction = nn.Linear(32, 3)
        self.scale = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        return F.normalize(self.direction(self.body(x)) * torch.exp(self.scale), dim=-1)


def geodesic(a, b):
    cosine = (a * b).sum(-1).clamp(-1.0, 1.0)
    return torch.acos(cosine)


net = PoseNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
directions = F.normalize(torch.randn(2048, 3), dim=-1)
noise = 0.01 * torch.randn(2048, 3)
observed = torch.cat([directions + noise, (directions + noise).roll(1, 1)], -1)

for it in range(500):
    rows = torch.randint(len(observed), (32,))
    loss = geodesic(net(observed[rows]), directions[rows]).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 100 == 0:
        print(it, loss.item())
