import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
decoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
prior = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
optimizers = [torch.optim.Adam(m.parameters(), 1e-3) for m in (encoder, decoder, prior)]
for i in range(40):
    x = batch(i)
    z = encoder(x)
    loss = F.mse_loss(decoder(z), x) + torch.exp(z).mean() + F.softplus(prior(z)).mean()
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    print(float(loss).hex())
