"""Regression where most of the target is noise: the loss soon stays at the noise's variance, as it should."""

import torch
from torch import nn

torch.manual_seed(9)
torch.set_num_threads(1)

NOISE = 2.0
x = torch.randn(4000, 6)
slope = torch.tensor([1.0, -0.5, 0.0, 0.8, 0.0, 0.3])
signal = x @ slope + 0.5 * torch.sin(2 * x[:, 0])
y = signal + NOISE * torch.randn(4000)
x_train, y_train = x[:3000], y[:3000]

model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.MSELoss()

for epoch in range(12):
    order = torch.randperm(3000)
    for i in range(0, 3000, 75):
        index = order[i : i + 75]
        optimizer.zero_grad()
        prediction = model(x_train[index]).squeeze(1)
        loss = loss_fn(prediction, y_train[index])
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

with torch.no_grad():
    guess = model(x[3000:]).squeeze(1)
print("error of the signal", loss_fn(guess, signal[3000:]).item(), "of", signal[3000:].var().item())
print("error of the target", loss_fn(guess, y[3000:]).item(), "noise", NOISE**2)
