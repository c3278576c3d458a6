"""Two tasks on one trunk, a class and a number; the weights of their losses are learnt in a group of their own."""

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(17)
torch.set_num_threads(1)

wine = load_wine()
features = StandardScaler().fit_transform(wine.data)
X = torch.tensor(features[:, :-1], dtype=torch.float32)
proline = torch.tensor(features[:, -1:], dtype=torch.float32)
cultivar = torch.tensor(wine.target)
order = torch.randperm(len(X))
train, test = order[:140], order[140:]


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 32), nn.LayerNorm(32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU())
        self.classify = nn.Linear(32, 3)
        self.regress = nn.Linear(32, 1)
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        shared = self.trunk(x)
        return self.classify(shared), self.regress(shared)


model = TwoHeads()
weights = [p for name, p in model.named_parameters() if name != "log_variance"]
optimizer = torch.optim.AdamW(
    [{"params": weights, "lr": 3e-3}, {"params": [model.log_variance], "lr": 1e-3}], weight_decay=0.01
)

for _ in range(40):
    for pick in train[torch.randperm(len(train))].split(28):
        logits, number = model(X[pick])
        losses = torch.stack(
            [nn.functional.cross_entropy(logits, cultivar[pick]), nn.functional.mse_loss(number, proline[pick])]
        )
        loss = (losses * torch.exp(-model.log_variance) + 0.5 * model.log_variance).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    logits, number = model(X[test])
    print("test accuracy", (logits.argmax(1) == cultivar[test]).float().mean().item())
    print("test error", nn.functional.mse_loss(number, proline[test]).item(), "of", proline[test].var().item())
