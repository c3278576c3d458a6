"""Deep Q-learning on a corridor: the targets come from a copy of the network that follows every 25 steps."""

import copy
import random
from collections import deque

import torch
from torch import nn

random.seed(23)
torch.manual_seed(23)
torch.set_num_threads(1)

LENGTH, GAMMA = 8, 0.9


def observe(place):
    state = torch.zeros(LENGTH)
    state[place] = 1.0
    return state


def walk(place, action):
    """Next place, reward, done; the goal is at the right end, a smaller reward at the left."""
    place = max(0, place - 1) if action == 0 else place + 1
    if place == LENGTH - 1:
        return place, 1.0, True
    return (place, 0.1, True) if place == 0 else (place, 0.0, False)


q_net = nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 2))
target_net = copy.deepcopy(q_net)
target_net.eval()
optimizer = torch.optim.Adam(q_net.parameters(), lr=3e-3)
memory = deque(maxlen=1000)

place, steps = 3, 0
while steps < 600:
    epsilon = max(0.1, 1 - steps / 300)
    if random.random() < epsilon:
        action = random.randrange(2)
    else:
        with torch.no_grad():
            action = q_net(observe(place)).argmax().item()
    following, reward, done = walk(place, action)
    memory.append((place, action, reward, following, done))
    place = random.randrange(1, LENGTH - 1) if done else following
    if len(memory) < 64:
        continue

    places, actions, rewards, followings, dones = zip(*random.sample(memory, 32), strict=True)
    states = torch.stack([observe(p) for p in places])
    next_states = torch.stack([observe(p) for p in followings])
    with torch.no_grad():
        future = target_net(next_states).max(1).values * (1 - torch.tensor(dones, dtype=torch.float32))
    target = torch.tensor(rewards) + GAMMA * future
    value = q_net(states).gather(1, torch.tensor(actions)[:, None]).squeeze(1)
    loss = nn.functional.smooth_l1_loss(value, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    steps += 1
    if steps % 25 == 0:
        target_net.load_state_dict(q_net.state_dict())

with torch.no_grad():
    values = q_net(torch.eye(LENGTH)[1:-1])
print("goes right in", values.argmax(1).tolist())
print("values", values.max(1).values.tolist(), "should be", [GAMMA ** (LENGTH - 2 - p) for p in range(1, LENGTH - 1)])
