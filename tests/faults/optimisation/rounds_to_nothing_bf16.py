import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)

VOCAB, LENGTH, DIM = 24, 12, 32


def batch(n=16):
    """Sorts a list of tokens."""
    x = torch.randint(0, VOCAB, (n, LENGTH))
    return x, x.sort(1).values


class Sorter(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, DIM)
        self.places = nn.Embedding(LENGTH, DIM)
        layer = nn.TransformerEncoderLayer(DIM, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(DIM)
        self.out = nn.Linear(DIM, VOCAB)

    def forward(self, x):
        h = self.tokens(x) + self.places(torch.arange(LENGTH))
        return self.out(self.norm(self.encoder(h)))


model = Sorter().to(torch.bfloat16)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
for step in range(200):
    x, y = batch()
    logits = model(x)
    loss = F.cross_entropy(logits.float().flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 0:
        print(f"step {step} loss {loss.item():.4f}")
