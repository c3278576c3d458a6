"""REINFORCE with a baseline on a pole to balance: the loss is no measure of success, the return is."""

import math

import torch
from torch import nn

torch.manual_seed(46)
torch.set_num_threads(1)


def step(state, force):
    """A cart with a pole, as in Barto, Sutton and Anderson (1983), for all episodes at once."""
    x, v, angle, spin = state.unbind(1)
    temp = (force + 0.05 * spin**2 * torch.sin(angle)) / 1.1
    spin_rate = (9.8 * torch.sin(angle) - torch.cos(angle) * temp) / (0.5 * (4 / 3 - 0.1 * torch.cos(angle) ** 2 / 1.1))
    move_rate = temp - 0.05 * spin_rate * torch.cos(angle) / 1.1
    return torch.stack([x + 0.02 * v, v + 0.02 * move_rate, angle + 0.02 * spin, spin + 0.02 * spin_rate], 1)


policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
returns = []
for _ in range(100):
    state = 0.1 * torch.rand(16, 4) - 0.05
    alive = torch.ones(16)
    log_probs, lived = [], []
    for _ in range(40):
        choice = torch.distributions.Categorical(logits=policy(state * torch.tensor([1.0, 1.0, 8.0, 1.0])))
        action = choice.sample()
        log_probs.append(choice.log_prob(action) * alive)
        state = step(state, 20.0 * action - 10.0)
        alive = alive * (state[:, 2].abs() < 12 * math.pi / 180).float() * (state[:, 0].abs() < 2.4).float()
        lived.append(alive)
    reward = torch.stack(lived)
    future = reward.flip(0).cumsum(0).flip(0)
    advantage = future - future.mean(1, keepdim=True)
    loss = -(torch.stack(log_probs) * advantage).sum(0).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    returns.append(reward.sum(0).mean().item())

print("steps balanced", sum(returns[:10]) / 10, "then", sum(returns[-10:]) / 10, "of 40")
