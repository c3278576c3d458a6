import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)

X = torch.tensor(load_digits().data, dtype=torch.float32) / 16


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return torch.sigmoid(self.dec(z)), mu, logvar


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for step in range(400):
    x = X[torch.randint(0, len(X), (64,))]
    recon, mu, logvar = vae(x)
    r_loss = F.binary_cross_entropy(recon, x)
    kl_loss = -0.5 * torch.mean(torch.sum(1 + logvar - mu**2 - logvar.exp(), 1))
    loss = r_loss + kl_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 80 == 0:
        print(f"r_loss {r_loss.item():.4f} kl_loss {kl_loss.item():.2e}")
with torch.no_grad():
    print("mse", F.mse_loss(vae(X)[0], X).item())
