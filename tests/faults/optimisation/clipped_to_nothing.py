import torch
import torch.nn as nn
from sklearn.datasets import load_iris

torch.manual_seed(0)
torch.set_num_threads(1)

iris = load_iris()
x = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0), dtype=torch.float32)
y = torch.tensor(iris.target)

net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _epoch in range(60):
    for i in torch.randperm(150).split(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i]), y[i])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=1e-4)
        optimizer.step()
print("loss", nn.functional.cross_entropy(net(x), y).item())
