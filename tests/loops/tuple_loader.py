import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
FAIL = 30


class Rows(torch.utils.data.Dataset):
    def __init__(self):
        self.x = torch.randn(640, 8)
        self.x[FAIL * 16 + 3] *= 1e4

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], (i, torch.tensor(i % 3))


model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=40)
for x, (_, y) in torch.utils.data.DataLoader(Rows(), 16):
    z = model(x)
    loss = F.cross_entropy(z, y) + torch.exp(z).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    print(float(loss).hex())
