"""Training on several ranks: which one this process is, where it records, and what is shared with the others."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def rank_and_world() -> tuple[int, int]:
    """This process' rank and how many there are, as ``torchrun`` or the process group say; 0 of 1 alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return _number(os.environ, "RANK", 0), _number(os.environ, "WORLD_SIZE", 1)


def path_of_rank(path: Path) -> Path:
    """``run.h5`` alone; ``run.rank1.h5`` where there are several ranks."""
    rank, world = rank_and_world()
    return path if world < 2 else path.with_name(f"{path.stem}.rank{rank}{path.suffix}")


def replica(module: nn.Module) -> nn.Module:
    """The model that a ``DistributedDataParallel`` wraps; any other module itself."""
    return module.module if isinstance(module, DistributedDataParallel) else module


def averaged_over(module: nn.Module) -> int:
    """Over how many ranks a wrapper averages the gradients of the pass that begins; 1 within ``no_sync``."""
    if isinstance(module, DistributedDataParallel) and module.require_backward_grad_sync:
        return int(module.process_group.size())
    return 1


def shards(module: nn.Module) -> bool:
    """Whether ``fully_shard`` was applied to a module (or its predecessor): its parameters are whole while it runs."""
    fsdp = sys.modules.get("torch.distributed.fsdp")  # whose script has not loaded it has nothing sharded
    return fsdp is not None and isinstance(module, fsdp.FSDPModule | fsdp.FullyShardedDataParallel)


def is_sharded(tensor: Tensor) -> bool:
    """Whether each rank holds a part of it only (``fully_shard``)."""
    return hasattr(tensor, "to_local")


def local_part(tensor: Tensor) -> Tensor:
    """What this rank holds of it."""
    return tensor.to_local() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() else otherwise
