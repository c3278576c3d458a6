"""A graph network: one full batch of all nodes each step, the loss over the tenth of them that has labels."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(44)
torch.set_num_threads(1)

NODES, CLASSES = 300, 3
label = torch.randint(CLASSES, (NODES,))
same = label[:, None] == label[None, :]
edges = torch.rand(NODES, NODES) < torch.where(same, 0.06, 0.008)
edges = (edges | edges.T).float().fill_diagonal_(1)
degree = edges.sum(1)
adjacency = edges / (degree[:, None] * degree[None, :]).sqrt()
features = torch.randn(NODES, 16) + 0.4 * torch.randn(CLASSES, 16)[label]
train_mask = torch.rand(NODES) < 0.1


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, CLASSES)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, a):
        x = F.relu(a @ self.first(self.drop(x)))
        return a @ self.second(self.drop(x))


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(200):
    model.train()
    optimizer.zero_grad()
    out = model(features, adjacency)
    loss = F.cross_entropy(out[train_mask], label[train_mask])
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        model.eval()
        with torch.no_grad():
            right = model(features, adjacency).argmax(1) == label
        print(epoch, right[~train_mask].float().mean().item())

model.eval()
with torch.no_grad():
    right = model(features, adjacency).argmax(1) == label
print("unlabelled nodes", right[~train_mask].float().mean().item())
