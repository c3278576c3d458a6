import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


w = nn.Parameter(torch.randn(8, 3, dtype=torch.complex64))
optimizer = torch.optim.SGD([w], 1e-3)
for i in range(40):
    x = torch.fft.fft(batch(i))
    loss = torch.exp(0.1 * (x @ w).abs()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
