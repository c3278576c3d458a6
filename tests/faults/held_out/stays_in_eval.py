"""Validation in the middle of an epoch switches the model to evaluation mode, and nothing switches it back."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(8)
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
x_val, y_val = x[1500:], y[1500:]


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optim = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        self.iteration = 0
        self.val_interval = 40

    def validate(self):
        self.model.eval()
        with torch.no_grad():
            return (self.model(x_val).argmax(1) == y_val).float().mean().item()

    def train_epoch(self):
        for rows in torch.randperm(1500).split(30):
            if self.iteration and self.iteration % self.val_interval == 0:
                print(self.iteration, self.validate())
            self.optim.zero_grad()
            loss = nn.functional.cross_entropy(self.model(x[rows]), y[rows])
            loss.backward()
            self.optim.step()
            self.iteration += 1


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.4), nn.Linear(128, 10),
)  # fmt: skip
trainer = Trainer(net)
trainer.model.train()
for _ in range(8):
    trainer.train_epoch()
