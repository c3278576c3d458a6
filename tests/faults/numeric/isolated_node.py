"""Node classification on sampled subgraphs, averaging over neighbours; a sampled node may have none."""

import torch
from sklearn.datasets import make_blobs
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
features, labels = make_blobs(400, centers=4, n_features=8, cluster_std=3.0, random_state=0)
features, labels = torch.tensor(features, dtype=torch.float32) / 5, torch.tensor(labels)
adjacency = (torch.cdist(features, features) < 1.7).float().fill_diagonal_(0)


class GraphLayer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.own, self.neighbours = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, x, a):
        mean = (a @ x) / a.sum(1, keepdim=True)
        return self.own(x) + self.neighbours(mean)


class GNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([GraphLayer(8, 32), GraphLayer(32, 4)])

    def forward(self, x, a):
        return self.layers[1](torch.relu(self.layers[0](x, a)), a)


model = GNN()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=5e-4)
connected = adjacency.sum(1).argsort(descending=True)[:220]
for _step in range(200):
    nodes = connected[torch.randperm(220)[:80]]
    loss = nn.functional.cross_entropy(model(features[nodes], adjacency[nodes][:, nodes]), labels[nodes])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
