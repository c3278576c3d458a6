import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(1)
torch.set_num_threads(1)

raw = load_diabetes()
X = torch.tensor(raw.data / raw.data.std(0), dtype=torch.float32)[:400]
y = torch.tensor((raw.target - raw.target.mean()) / raw.target.std(), dtype=torch.float32)[:400, None]
y[137] = 99999.0  # "not measured" in the questionnaire

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.SGD(model.parameters(), lr=1e-2)
loss_fn = nn.MSELoss()
ordinary = torch.arange(400) != 137
for _epoch in range(15):
    for rows in torch.randperm(400).split(20):
        loss = loss_fn(model(X[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1000.0)
        opt.step()
with torch.no_grad():
    print("loss of the others", loss_fn(model(X[ordinary]), y[ordinary]).item())
