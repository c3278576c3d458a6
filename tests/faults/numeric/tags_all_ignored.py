"""A tagger of padded sentences; what is not to be predicted has the label -100."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(2)
torch.set_num_threads(1)
VOCABULARY, TAGS = 60, 5


def sentence(index):
    words = torch.randint(1, VOCABULARY, (int(torch.randint(4, 12, (1,))),))
    tags = words % TAGS
    if 208 <= index < 216:  # these were annotated with nothing
        tags = torch.full_like(tags, -100)
    return words, tags


def collate(items):
    words, tags = zip(*items, strict=True)
    return pad_sequence(words, True, 0), pad_sequence(tags, True, -100)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(48, TAGS)

    def forward(self, words):
        hidden, _ = self.lstm(self.embedding(words))
        return self.classifier(hidden)


tagger = Tagger()
optimizer = torch.optim.Adam(tagger.parameters(), lr=5e-3)
data = [sentence(i) for i in range(400)]
for _epoch in range(3):
    for words, tags in DataLoader(data, batch_size=8, collate_fn=collate):
        scores = tagger(words)
        loss = F.cross_entropy(scores.flatten(0, 1), tags.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step()
