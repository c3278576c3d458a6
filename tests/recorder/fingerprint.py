"""Run a script, or a module, for so many steps of its optimisers, and print the bits of what it leaves behind."""

import hashlib
import random
import runpy
import sys

import numpy as np
import torch
from torch import nn
from torch.optim import optimizer as optimizer_hooks

target, limit = sys.argv[1], int(sys.argv[2])
torch.manual_seed(1), random.seed(2), np.random.seed(3)
optimizers, steps = {}, 0


class Enough(Exception):
    """The script has made its steps."""


def count(optimizer, *_):
    global steps
    optimizers.setdefault(id(optimizer), optimizer)
    steps += 1
    if steps == limit:
        raise Enough


hook = optimizer_hooks.register_optimizer_step_post_hook(count)
left = {}
try:
    run = runpy.run_path if target.endswith(".py") else runpy.run_module
    left = run(target, run_name="__main__")
except Enough:
    pass
finally:
    hook.remove()
tensors = [p for one in optimizers.values() for group in one.param_groups for p in group["params"]]
tensors += [v for one in optimizers.values() for state in one.state.values() for v in state.values()]
tensors += [t for value in left.values() if isinstance(value, nn.Module) for t in value.state_dict().values()]
tensors = [t for t in (*tensors, *left.values()) if isinstance(t, torch.Tensor) and t.layout == torch.strided]
digest = hashlib.sha256()
for tensor in tensors:
    values = tensor.detach()
    digest.update((torch.view_as_real(values) if values.is_complex() else values).contiguous().reshape(-1).view(
        torch.uint8).numpy().tobytes())  # fmt: skip
print("tensors", len(tensors), digest.hexdigest())
print("torch", hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest())
print("numpy", hashlib.sha256(str(np.random.get_state()[1:]).encode()).hexdigest(), np.random.rand())
print("random", hashlib.sha256(str(random.getstate()).encode()).hexdigest())
