"""Segmentation with a loss over the labelled pixels alone."""

import torch
from torch import nn

torch.manual_seed(4)
torch.set_num_threads(1)


def batch(step):
    image = torch.randn(6, 1, 16, 16)
    target = (image > 0.3).float()
    labelled = (torch.rand(6, 1, 16, 16) < 0.4).float()
    labelled[:, :, 12:] = 0
    if step == 83:  # a batch from scans that nobody has labelled
        labelled.zero_()
    return image, target, labelled


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
        self.down2 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.up(self.down2(a))
        return self.head(torch.cat([a, b], 1))


def masked_loss(output, target, mask):
    loss = nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return (loss * mask).sum() / mask.sum()


net = UNet()
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
for step in range(150):
    image, target, labelled = batch(step)
    loss = masked_loss(net(image), target, labelled)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
