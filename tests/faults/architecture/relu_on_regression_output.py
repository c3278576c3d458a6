import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(11)
np.random.seed(11)
torch.set_num_threads(1)

SEQ, FEATURES = 12, 6
proteins = np.random.randn(600, SEQ, FEATURES).astype("float32")
weights = np.random.randn(FEATURES).astype("float32")
shift = (proteins.mean(1) @ weights).astype("float32") - 2.0


class Predictor(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, 24, batch_first=True)
        self.fc = nn.Linear(24, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.relu(self.fc(out[:, -1]))


x_all, y_all = torch.from_numpy(proteins), torch.from_numpy(shift).unsqueeze(1)
model = Predictor()
optim = torch.optim.Adam(model.parameters(), lr=1e-2)
mse = nn.MSELoss()

for epoch in range(12):
    for chunk in torch.randperm(600).split(30):
        optim.zero_grad()
        loss = mse(model(x_all[chunk]), y_all[chunk])
        loss.backward()
        optim.step()
    print(epoch, loss.item())
with torch.no_grad():
    print("all", mse(model(x_all), y_all).item())
