"""Ratings from embeddings of users and items: in each batch most rows of both tables get no gradient."""

import torch
from torch import nn

torch.manual_seed(15)
torch.set_num_threads(1)

USERS, ITEMS, RANK = 400, 250, 4
taste, kind = torch.randn(USERS, RANK), torch.randn(ITEMS, RANK)
user = torch.randint(USERS, (16000,))
item = torch.randint(ITEMS, (16000,))
rating = 3 + 0.5 * (taste[user] * kind[item]).sum(1) + 0.2 * torch.randn(16000)


class Recommender(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(USERS, 8)
        self.items = nn.Embedding(ITEMS, 8)
        self.user_bias = nn.Embedding(USERS, 1)
        self.item_bias = nn.Embedding(ITEMS, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, user, item):
        dot = (self.users(user) * self.items(item)).sum(1)
        return dot + self.user_bias(user).squeeze(1) + self.item_bias(item).squeeze(1) + self.mean


model = Recommender()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
train, test = torch.arange(14000), torch.arange(14000, 16000)
for epoch in range(8):
    for rows in train[torch.randperm(len(train))].split(200):
        loss = nn.functional.mse_loss(model(user[rows], item[rows]), rating[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

with torch.no_grad():
    error = nn.functional.mse_loss(model(user[test], item[test]), rating[test])
print("test error", error.item(), "of", rating[test].var().item())
