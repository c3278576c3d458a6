import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30

G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
D = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(), nn.Linear(16, 1))
og = torch.optim.RMSprop(G.parameters(), 1e-4)
od = torch.optim.RMSprop(D.parameters(), 1e-4)
for i in range(40):
    for _ in range(5):
        ld = (D(G(torch.randn(16, 4)).detach()) - D(torch.randn(16, 8))).mean()
        od.zero_grad()
        ld.backward()
        od.step()
    z = torch.randn(16, 4)
    if i == FAIL:
        z[3] *= 1e5
    lg = torch.exp(-D(G(z)) + G(z)).mean()
    og.zero_grad()
    lg.backward()
    og.step()
    print(float(lg).hex())
