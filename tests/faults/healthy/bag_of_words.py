"""A bag of words with sparse gradients: SparseAdam for the embedding, SGD for the classifier."""

import torch
from torch import nn

torch.manual_seed(16)
torch.set_num_threads(1)

WORDS, TOPICS, LENGTH = 2000, 4, 30
frequencies = torch.softmax(1.2 * torch.randn(TOPICS, WORDS), 1)


def documents(count):
    topic = torch.randint(TOPICS, (count,))
    return torch.multinomial(frequencies[topic], LENGTH, replacement=True), topic


class TextModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(WORDS, 32, mode="mean", sparse=True)
        self.fc = nn.Linear(32, TOPICS)

    def forward(self, words):
        return self.fc(self.embedding(words))


model = TextModel()
optimizers = [
    torch.optim.SparseAdam(model.embedding.parameters(), lr=0.02),
    torch.optim.SGD(model.fc.parameters(), lr=0.1),
]
words, topic = documents(1500)
for _epoch in range(6):
    for pick in torch.randperm(len(words)).split(30):
        loss = nn.functional.cross_entropy(model(words[pick]), topic[pick])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

words, topic = documents(500)
with torch.no_grad():
    print("fresh accuracy", (model(words).argmax(1) == topic).float().mean().item())
