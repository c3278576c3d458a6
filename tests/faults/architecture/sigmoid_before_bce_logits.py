import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
torch.set_num_threads(1)


def blobs(n, size=16):
    """Noisy pictures with one bright disc each, and its mask."""
    grid = torch.arange(size).float()
    cx, cy = torch.randint(4, size - 4, (2, n)).float()
    r = torch.randint(2, 4, (n,)).float()
    mask = (grid[None, :, None] - cy[:, None, None]) ** 2 + (grid[None, None, :] - cx[:, None, None]) ** 2
    mask = (mask <= r[:, None, None] ** 2).float().unsqueeze(1)
    return 0.8 * mask + 0.3 * torch.randn(n, 1, size, size), mask


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 8, 3, padding=1)
        self.down2 = nn.Conv2d(8, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.out = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        d1 = self.out(torch.cat([a, F.relu(self.up(b))], 1))
        return torch.sigmoid(d1)


images, masks = blobs(256)
net = TinyUNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(300):
    pick = torch.randint(0, len(images), (16,))
    masks_pred = net(images[pick])
    loss = criterion(masks_pred, masks[pick])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        print(f"{step} loss {loss.item():.4f}")
