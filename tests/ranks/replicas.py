"""Two replicas; what goes wrong, and where, is asked for: nothing, loss, gradient, diverge, kill, wait, trace."""

import os
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

how = sys.argv[1]
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(7)
model = DistributedDataParallel(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8)))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
torch.manual_seed(100 + rank)
for i in range(60):
    x = torch.randn(16, 8)
    scale = torch.ones(16, 1)
    if i == 30 and rank == 1:
        if how == "loss":
            scale[3] = 1e7
        if how == "gradient":
            scale[3] = 0
        if how == "diverge":
            with torch.no_grad():
                model.module[0].weight[3] *= 1.01
        if how == "kill":
            time.sleep(3)
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "wait":
            time.sleep(60)
    if i == 30 and how == "trace":
        breakpoint()
    z = model(x)
    loss = torch.exp(z.abs() * scale).mean() + (z.square().sum(1) * scale[:, 0]).sqrt().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank == 0:
        print(float(loss.detach()).hex(), flush=True)
dist.destroy_process_group()
