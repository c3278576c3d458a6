import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.mid = nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.join = nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        b = b + F.relu(self.mid(b))
        c = F.relu(self.join(torch.cat([self.up(b), a], 1)))
        return self.out(c)


model = Unet()
optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
for i in range(40):
    x = torch.rand(6, 1, 16, 16)
    if i == FAIL:
        x[3] *= 1e6
    loss = torch.exp(model(x).abs()).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
