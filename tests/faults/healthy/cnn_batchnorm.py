"""A convolutional network with batch normalisation, evaluated after each epoch in evaluation mode."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
torch.set_num_threads(1)


def block(inside, outside):
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


data = load_digits()
x = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(data.target)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=300, random_state=2)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=96, shuffle=True, drop_last=True)
valid_loader = DataLoader(TensorDataset(x_valid, y_valid), batch_size=150)

model = nn.Sequential(
    block(1, 16),
    block(16, 16),
    nn.MaxPool2d(2),
    block(16, 32),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 10),
)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)


def evaluate():
    model.eval()
    right = total = 0
    valid_loss = 0.0
    with torch.no_grad():
        for inputs, labels in valid_loader:
            outputs = model(inputs)
            valid_loss += criterion(outputs, labels).item() * len(labels)
            right += (outputs.argmax(1) == labels).sum().item()
            total += len(labels)
    model.train()
    return valid_loss / total, right / total


for epoch in range(12):
    for inputs, labels in train_loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
    valid_loss, accuracy = evaluate()
    print(f"{epoch}: validation loss {valid_loss:.3f}, accuracy {accuracy:.3f}")
