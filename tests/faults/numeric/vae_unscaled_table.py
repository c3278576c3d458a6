"""A variational autoencoder of a table whose columns were never scaled."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
torch.set_num_threads(1)
table = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
loader = DataLoader(TensorDataset(table), batch_size=32, shuffle=True)


class TableVAE(nn.Module):
    def __init__(self, columns, hidden=32, latent=4):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(columns, hidden), nn.LeakyReLU(0.2))
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.decode = nn.Sequential(nn.Linear(latent, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, columns))

    def forward(self, x):
        h = self.body(x)
        mu, logvar = self.mu(h), self.logvar(h)
        std = torch.exp(0.5 * logvar)
        z = mu + std * torch.randn_like(std)
        return self.decode(z), mu, logvar


vae = TableVAE(table.shape[1])
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
for _epoch in range(10):
    for (batch,) in loader:
        recon, mu, logvar = vae(batch)
        kl = -0.5 * torch.mean(torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1))
        loss = F.mse_loss(recon, batch) + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
