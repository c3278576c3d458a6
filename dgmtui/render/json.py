"""A result as one line of JSON, which has no word for NaN or infinity: these become strings."""

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from dgmtui.commands.result import Result


def to_json(result: Result) -> str:
    """``{"command": …, …}`` on one line; NaN, Inf and −Inf as ``"nan"``, ``"inf"``, ``"-inf"``."""
    return _dump({"command": result.command, **result.data})


def error_to_json(command: str, error: str, at: tuple[int, int] | None = None) -> str:
    """``{"command": …, "error": …, "at": …}`` on one line; ``at`` is what of the line is wrong, where that is known."""
    return _dump({"command": command, "error": error} | ({} if at is None else {"at": at}))


def plain(value: Any) -> Any:
    """``value`` in JSON's own types: NumPy numbers and arrays, tuples, enumerations and paths turned into them."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _dump(data: Mapping[str, Any]) -> str:
    return json.dumps(plain(data), ensure_ascii=False, allow_nan=False)
