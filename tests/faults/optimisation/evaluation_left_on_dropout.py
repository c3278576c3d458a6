import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(5)
torch.manual_seed(5)
torch.set_num_threads(1)

# few samples and many features: without dropout it is learnt by heart
w = rng.normal(size=60) * (rng.random(60) < 0.15)
X = rng.normal(size=(400, 60)).astype("float32")
Y = ((X @ w + rng.normal(size=400) * 1.5) > 0).astype("int64")
X, Y = torch.from_numpy(X), torch.from_numpy(Y)
train_x, train_y, test_x, test_y = X[:120], Y[:120], X[120:], Y[120:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(60, 200)
        self.drop1 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(200, 200)
        self.drop2 = nn.Dropout(0.5)
        self.fc3 = nn.Linear(200, 2)

    def forward(self, x):
        x = self.drop1(F.relu(self.fc1(x)))
        x = self.drop2(F.relu(self.fc2(x)))
        return self.fc3(x)


def test(net):
    net.eval()
    with torch.no_grad():
        return F.cross_entropy(net(test_x), test_y).item()


net = Net()
net.train()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
step = 0
while step < 400:
    for batch in torch.randperm(120).split(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(train_x[batch]), train_y[batch])
        loss.backward()
        optimizer.step()
        step += 1
        if step % 60 == 0:
            print(f"step {step} train {loss.item():.4f} test {test(net):.4f}")
