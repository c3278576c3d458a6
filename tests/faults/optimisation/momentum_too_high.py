import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

raw = load_diabetes()
x = torch.tensor(raw.data / raw.data.std(0), dtype=torch.float32)
y = torch.tensor((raw.target - raw.target.mean()) / raw.target.std(), dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.995)
losses = []
for epoch in range(30):
    for i in torch.randperm(len(x))[:440].split(44):
        loss = nn.functional.mse_loss(model(x[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(epoch, sum(losses[-10:]) / 10)
