import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)

bunch = load_digits()
feats_all = torch.tensor(bunch.images / 16, dtype=torch.float32)
labels_all = torch.tensor(bunch.target)


class Brain:
    """Front end, encoder and classifier, trained together."""

    def __init__(self):
        self.modules = nn.ModuleDict(
            {
                "front": nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2), nn.Tanh()),
                "enc": nn.LSTM(2, 24, batch_first=True),
                "classifier": nn.Linear(24, 10),
            }
        )
        self.optimizer = torch.optim.Adam(self.modules.parameters(), lr=5e-3)

    def compute_forward(self, feats):
        feats = self.modules["front"](feats)
        _, (state, _) = self.modules["enc"](feats.detach())
        return self.modules["classifier"](state[-1])

    def fit_batch(self, feats, labels):
        loss = nn.functional.cross_entropy(self.compute_forward(feats), labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


brain = Brain()
for epoch in range(8):
    losses = [brain.fit_batch(feats_all[i], labels_all[i]) for i in torch.randperm(1797).split(60)]
    print(f"epoch {epoch}: {sum(losses) / len(losses):.3f}")
