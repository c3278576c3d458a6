import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

X, Y = load_digits(return_X_y=True)
loader = DataLoader(
    TensorDataset(torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(Y)),
    batch_size=64,
    shuffle=True,
)

model = nn.Sequential()
model.add_module("conv1", nn.Conv2d(1, 16, 3))
model.add_module("relu1", nn.ReLU())
model.add_module("pool", nn.MaxPool2d(2))
model.add_module("flatten", nn.Flatten())
model.add_module("fc1", nn.Linear(16 * 9, 64))
model.add_module("relu2", nn.ReLU())
model.add_module("fc2", nn.Linear(64, 10))
model.add_module("softmax", nn.Softmax(dim=1))

loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(1, 9):
    mean = 0
    for batch, labels in loader:
        optimizer.zero_grad()
        loss = loss_function(model(batch), labels)
        loss.backward()
        optimizer.step()
        mean += loss.item() / len(loader)
    print("Epoch", epoch, "loss", mean)
