"""Whether a weight still holds what PyTorch initialises it with."""

import math

import numpy as np

from dgmtui.findings.case import Case


def is_as_initialised(case: Case, path: str) -> bool:
    """Whether its first snapshot holds numbers evenly spread over ±1/√fan_in, as ``nn.Linear`` and ``nn.ConvNd`` begin.

    (``kaiming_uniform_`` with a = √5: the bound is √(6/((1+5)·fan_in)).) The greatest of n such numbers lies within
    10/n of the bound but once in e¹⁰ times.
    """
    snapshot = next((s for s in case.recording.snapshots if f"param:{path}" in s.tensors), None)
    weight = None if snapshot is None else case.array(snapshot, f"param:{path}")
    if weight is None or weight.ndim < 2 or weight.size < 16:
        return False
    bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
    greatest, spread = float(np.abs(weight).max()), float(weight.std(dtype=np.float64)) * math.sqrt(3) / bound
    within = bound * max(0.0, 1 - 10 / weight.size) <= greatest <= bound * (1 + 1e-3)
    return within and abs(spread - 1) < 4 / math.sqrt(weight.size)
