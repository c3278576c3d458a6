"""Strings are read off noisy frames with CTC; one recording has fewer frames than its text has letters."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
LETTERS = 8


def utterance(index):
    text = torch.randint(1, LETTERS, (5,))
    frames = torch.nn.functional.one_hot(text.repeat_interleave(4), LETTERS).float()
    frames = frames + 0.3 * torch.randn_like(frames)
    return (frames[:4] if index == 445 else frames), text


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(LETTERS, 32, bidirectional=True)
        self.letters = nn.Linear(64, LETTERS)

    def forward(self, frames):
        return self.letters(self.gru(frames)[0]).log_softmax(-1)


data = [utterance(i) for i in range(480)]
reader, ctc = Reader(), nn.CTCLoss()
optimizer = torch.optim.Adam(reader.parameters(), lr=3e-3)
for _epoch in range(4):
    for start in range(0, len(data), 12):
        frames, texts = zip(*data[start : start + 12], strict=True)
        lengths = torch.tensor([len(f) for f in frames])
        padded = nn.utils.rnn.pad_sequence(frames)
        loss = ctc(reader(padded), torch.stack(texts), lengths, torch.full((12,), 5))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
