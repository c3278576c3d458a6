import torch
from torch import nn

torch.manual_seed(5)
FAIL = 30


def batch(i, n=16, d=8):
    x = torch.randn(n, d)
    if i == FAIL:
        x[3] *= 1e4
    return x


class Inv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs().sqrt()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.sign() / (2 * x.abs().sqrt())


model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), 1e-3)
for i in range(40):
    k = torch.ones(16, 1)
    if i == FAIL:
        k[3] = 0
    x = batch(i, d=8).clamp(-3, 3)
    z = model(x)
    loss = Inv.apply(z * k).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(float(loss).hex())
