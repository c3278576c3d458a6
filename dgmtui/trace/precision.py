"""The same operations in another floating dtype."""

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from dgmtui.trace.graph import Node
from dgmtui.trace.tensors import dtype_named

_COMPLEX = {torch.float16: torch.complex32, torch.float32: torch.complex64, torch.float64: torch.complex128}


def in_dtype(t: Tensor, dtype: torch.dtype | None) -> Tensor:
    """``t`` in ``dtype`` if it is floating or complex; anything else, or no dtype, as it is."""
    wanted = replaced_dtype(t.dtype, dtype)
    return t if wanted == t.dtype else t.to(wanted)


def replaced_dtype(old: torch.dtype, dtype: torch.dtype | None) -> torch.dtype:
    """``dtype`` in the place of a floating dtype, its complex relative in that of a complex one."""
    if dtype is None:
        return old
    if old.is_floating_point:
        return dtype
    return _COMPLEX.get(dtype, old) if old.is_complex else old


def adapt_call(op: OpOverload, node: Node, args: list[Any], kwargs: dict[str, Any], dtype: torch.dtype) -> None:
    """Change a call so that it computes in ``dtype`` what it computed in the traced one."""
    names = [argument.name for argument in op._schema.arguments]
    if "dtype" in names and _made_from_nothing(args, kwargs) and kwargs.get("dtype") is None:
        meta = node.outs[0] if node.outs else None
        position = names.index("dtype")
        if meta is not None and position >= len(args) and dtype_named(meta.dtype).is_floating_point:
            kwargs["dtype"] = dtype
    if "half_to_float" in names and names.index("half_to_float") < len(args):
        args[names.index("half_to_float")] = False


def _made_from_nothing(args: list[Any], kwargs: dict[str, Any]) -> bool:
    flat = [item for value in (*args, *kwargs.values()) for item in (value if isinstance(value, list) else [value])]
    return not any(isinstance(item, Tensor) for item in flat)
