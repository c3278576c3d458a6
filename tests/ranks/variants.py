"""Replicas in the forms that scripts give them, one after another; the data of rank 1 fails the last one."""

import contextlib

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

OPTIONS = {
    "static graph": {"static_graph": True},
    "gradients as views": {"gradient_as_bucket_view": True},
    "accumulated": {},
    "compressed": {},
    "unused": {"find_unused_parameters": True},
}


class Net(nn.Module):
    """One layer is used twice; another one, if it is there, by turns."""

    def __init__(self, spare):
        super().__init__()
        self.first, self.twice, self.last = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 8)
        if spare:
            self.spare = nn.Linear(16, 16)

    def forward(self, x, spare=False):
        hidden = self.twice(torch.relu(self.twice(torch.relu(self.first(x)))))
        return self.last(self.spare(hidden) if spare else hidden)


def train(how):
    model = DistributedDataParallel(Net(how == "unused"), **OPTIONS[how])
    if how == "compressed":
        model.register_comm_hook(None, default_hooks.fp16_compress_hook)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for i in range(12):
        for part in (0, 1) if how == "accumulated" else (1,):
            x = torch.randn(16, 8)
            if (how, i, rank) == ("unused", 10, 1):
                x[3] *= 1e6
            with model.no_sync() if part == 0 else contextlib.nullcontext():
                loss = torch.exp(model(x, spare=how == "unused" and i % 3 > 0)).mean()
                loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if rank == 0:
            print(float(loss.detach()).hex(), flush=True)


dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(7)
for how in OPTIONS:
    train(how)
dist.destroy_process_group()
