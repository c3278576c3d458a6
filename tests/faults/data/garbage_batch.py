import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
order = torch.randperm(1600)
x, y = x[order], y[order]
x[1200:1232] = torch.rand(32, 1, 8, 8) * 400  # the shard that was cut off

net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(3):
    for n, start in enumerate(range(0, 1600, 16)):
        loss = nn.functional.cross_entropy(net(x[start : start + 16]), y[start : start + 16])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if n % 25 == 0:
            print(epoch, n, loss.item())
