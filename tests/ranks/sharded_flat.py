"""A model sharded over two ranks by ``FullyShardedDataParallel``; the data of rank 1 fails it at iteration 30."""

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(7)
layers = [
    FullyShardedDataParallel(layer, device_id=torch.device("cpu")) for layer in (nn.Linear(8, 32), nn.Linear(32, 8))
]
model = FullyShardedDataParallel(nn.Sequential(layers[0], nn.ReLU(), layers[1]), device_id=torch.device("cpu"))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
torch.manual_seed(100 + rank)
for i in range(40):
    x = torch.randn(16, 8)
    if i == 30 and rank == 1:
        x[3] *= 1e6
    loss = torch.exp(model(x).abs()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank == 0:
        print(float(loss.detach()).hex(), flush=True)
dist.destroy_process_group()
