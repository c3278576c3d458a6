"""A denoising autoencoder: Gaussian noise goes in, the clean image is the target."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

torch.manual_seed(8)
torch.set_num_threads(1)

clean = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train, test = clean[:1400], clean[1400:]

encoder = nn.Sequential(nn.Linear(64, 48), nn.ELU(), nn.Linear(48, 16))
decoder = nn.Sequential(nn.Linear(16, 48), nn.ELU(), nn.Linear(48, 64))
autoencoder = nn.Sequential(encoder, decoder)
optimizer = torch.optim.NAdam(autoencoder.parameters(), lr=2e-3)
mse = nn.MSELoss()

for _ in range(20):
    for images in DataLoader(train, batch_size=70, shuffle=True):
        noisy = images + 0.3 * torch.randn_like(images)
        loss = mse(autoencoder(noisy), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    noisy = test + 0.3 * torch.randn_like(test)
    print("test error", mse(autoencoder(noisy), test).item(), "of the noisy image", mse(noisy, test).item())
    print("of the mean image", mse(train.mean(0).expand_as(test), test).item())
