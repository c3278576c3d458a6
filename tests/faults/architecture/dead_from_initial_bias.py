import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(4)
torch.set_num_threads(1)

bunch = load_digits()
X = torch.tensor(bunch.data, dtype=torch.float32) / 16
Y = torch.tensor(bunch.target)


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight)
        nn.init.constant_(m.bias, -10.0 if m.out_features != 10 else 0.0)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, 48)
        self.fc3 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


model = MLP()
model.apply(init_weights)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(300):
    i = torch.randint(0, len(X), (64,))
    loss = F.cross_entropy(model(X[i]), Y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print(step + 1, loss.item())
