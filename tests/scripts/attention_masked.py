import torch
from torch import nn

torch.manual_seed(3)
VOCAB, PAD, LENGTH = 12, 0, 10


def sentences(n):
    """Random tokens with padding; the target of a token is the one before it."""
    words = torch.randint(1, VOCAB, (n, LENGTH))
    lengths = torch.randint(3, LENGTH + 1, (n,))
    words[torch.arange(LENGTH)[None] >= lengths[:, None]] = PAD
    target = torch.roll(words, 1, dims=1)
    target[:, 0] = words[:, 0]
    target[words == PAD] = -100
    return words, target


class Tagger(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.place = nn.Parameter(0.1 * torch.randn(LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.1, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, VOCAB)

    def forward(self, words):
        causal = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)
        padding = torch.zeros(words.shape).masked_fill(words == PAD, float("-inf"))
        hidden = self.layers(self.embed(words) + self.place, mask=causal, src_key_padding_mask=padding)
        return self.head(hidden)


tagger = Tagger()
optim = torch.optim.AdamW(tagger.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss(ignore_index=-100)
for _ in range(150):
    words, target = sentences(40)
    loss = criterion(tagger(words).flatten(0, 1), target.flatten())
    optim.zero_grad()
    loss.backward()
    optim.step()
