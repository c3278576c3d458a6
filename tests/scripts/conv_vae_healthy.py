import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.c2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.b1, self.b2 = nn.BatchNorm2d(16), nn.BatchNorm2d(32)
        self.to_stats = nn.Linear(128, 2 * zdim)

    def forward(self, x):
        x = F.leaky_relu(self.b1(self.c1(x)), 0.1)
        x = F.leaky_relu(self.b2(self.c2(x)), 0.1)
        return self.to_stats(x.flatten(1)).chunk(2, dim=1)


class Decoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.up = nn.Sequential(
            nn.Linear(zdim, 128),
            nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    def forward(self, z):
        return self.up(z)


torch.manual_seed(7)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
encoder, decoder = Encoder(6), Decoder(6)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
for step in range(250):
    x = images[torch.randint(len(images), (50,))]
    mean, log_var = encoder(x)
    z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
    recon = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum") / len(x)
    kl = -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum(1).mean()
    beta = min(1.0, step / 100)
    loss = recon + beta * kl
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
