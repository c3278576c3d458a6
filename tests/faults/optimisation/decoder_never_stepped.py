import torch
import torch.nn as nn
from torch import optim

torch.manual_seed(0)
torch.set_num_threads(1)

WORDS, LENGTH = 12, 6


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 32)
        self.gru = nn.GRU(32, 48, batch_first=True)

    def forward(self, x):
        return self.gru(self.embed(x))[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 32)
        self.gru = nn.GRU(32, 48, batch_first=True)
        self.out = nn.Linear(48, WORDS)

    def forward(self, shifted, state):
        return self.out(self.gru(self.embed(shifted), state)[0])


encoder, decoder = Encoder(), Decoder()
encoder_optimizer = optim.Adam(encoder.parameters(), lr=5e-3)
decoder_optimizer = optim.Adam(decoder.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()


def train(source, target):
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()
    shifted = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], 1)
    loss = criterion(decoder(shifted, encoder(source)).flatten(0, 1), target.flatten())
    loss.backward()
    encoder_optimizer.step()
    return loss.item()


for step in range(250):
    source = torch.randint(1, WORDS, (32, LENGTH))
    loss = train(source, source.flip(1))
    if step % 50 == 0:
        print(step, loss)
