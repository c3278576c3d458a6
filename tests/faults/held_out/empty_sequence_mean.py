"""Sentiment of short texts: the mean embedding of the tokens that are no padding."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(11)
torch.set_num_threads(1)

PAD, VOCABULARY, LONGEST = 0, 300, 20


class Reviews(Dataset):
    def __init__(self, count):
        self.labels = torch.randint(2, (count,))
        self.lengths = torch.randint(3, LONGEST + 1, (count,))
        self.lengths[1450] = 0
        shift = self.labels[:, None] * 40
        self.tokens = (torch.randint(1, VOCABULARY - 40, (count, LONGEST)) // 2 + shift).clamp(1, VOCABULARY - 1)
        self.tokens[torch.arange(LONGEST) >= self.lengths[:, None]] = PAD

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.tokens[index], self.labels[index]


class MeanClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 24, padding_idx=PAD)
        self.hidden = nn.Linear(24, 24)
        self.out = nn.Linear(24, 2)

    def forward(self, tokens):
        mask = (tokens != PAD).unsqueeze(-1).float()
        pooled = (self.embedding(tokens) * mask).sum(1) / mask.sum(1)
        return self.out(torch.tanh(self.hidden(pooled)))


model = MeanClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for tokens, labels in DataLoader(Reviews(4000), batch_size=20):
    optimizer.zero_grad()
    loss = criterion(model(tokens), labels)
    loss.backward()
    optimizer.step()
