import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(999)
torch.set_num_threads(1)

real = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 8 - 1
nz = 16


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, 32, 2), nn.BatchNorm2d(32), nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(1024, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x)


netG, netD = Generator(), Discriminator()
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-5, betas=(0.5, 0.999))

for i in range(250):
    netD.zero_grad()
    batch = real[torch.randint(0, len(real), (32,))]
    errD_real = criterion(netD(batch), torch.ones(32, 1))
    errD_real.backward()
    fake = netG(torch.randn(32, nz, 1, 1))
    errD_fake = criterion(netD(fake.detach()), torch.zeros(32, 1))
    errD_fake.backward()
    optimizerD.step()

    netG.zero_grad()
    output = netD(fake)
    errG = criterion(output, torch.ones(32, 1))
    errG.backward()
    optimizerG.step()
    if i % 50 == 0:
        print(f"[{i}/250] Loss_D: {(errD_real + errD_fake).item():.4f} Loss_G: {errG.item():.4f}")
print(f"D(G(z)) {output.mean().item():.6f}")
