"""Mixed precision: the forward pass in bfloat16, the loss scaled for the backward pass and the gradients unscaled."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(12)
torch.set_num_threads(1)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(digits.target)
train = torch.rand(len(images)) < 0.8

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=100)

pool = torch.nonzero(train).squeeze(1)
for _ in range(250):
    pick = pool[torch.randint(len(pool), (48,))]
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(images[pick])
        loss = nn.functional.cross_entropy(output, labels[pick])
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    scaler.step(optimizer)
    scaler.update()

with torch.no_grad():
    print("test accuracy", (model(images[~train]).argmax(1) == labels[~train]).float().mean().item())
print("scale", scaler.get_scale())
