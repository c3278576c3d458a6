"""A language model over characters; the special token was added to the tokenizer but not to the embedding."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
alphabet = sorted("abcdefghij ")
index = {c: i for i, c in enumerate(alphabet)} | {"<eos>": len(alphabet)}
text = torch.randint(0, len(alphabet), (6000,))
text[(text == 3).roll(1)] = 4
text[4321] = index["<eos>"]


class CharModel(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embed = nn.Embedding(size, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.predict = nn.Linear(32, size)

    def forward(self, tokens):
        hidden, _ = self.lstm(self.embed(tokens))
        return self.predict(hidden)


model = CharModel(len(alphabet))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for start in range(0, 5800, 80):
    chunk = text[start : start + 80].view(8, 10)
    logits = model(chunk[:, :-1])
    loss = nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), chunk[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
