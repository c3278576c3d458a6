import torch
import torch.nn as nn

torch.manual_seed(7)
torch.set_num_threads(1)


def real_points(n):
    angle = torch.rand(n) * 6.2832
    return torch.stack([angle.cos(), angle.sin()], 1) * 0.8 + 0.02 * torch.randn(n, 2) + torch.tensor([1.0, 0.5])


G = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
real_label, fake_label = torch.ones(64, 1), torch.zeros(64, 1)

for it in range(400):
    fake = G(torch.randn(64, 8)).detach()

    opt_d.zero_grad()
    loss_d = bce(D(real_points(64)), real_label) + bce(D(fake), fake_label)
    loss_d.backward()
    opt_d.step()

    opt_g.zero_grad()
    loss_g = bce(D(fake), real_label)
    loss_g.backward()
    opt_g.step()
    if it % 100 == 0:
        print(it, f"d {loss_d.item():.3f} g {loss_g.item():.3f}")

with torch.no_grad():
    centre = G(torch.randn(1000, 8)).mean(0)
print("distance of the means", (centre - torch.tensor([1.0, 0.5])).norm().item())
