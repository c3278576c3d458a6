"""Whether PyTorch is installed: a recording is looked at without it, and replayed only with it."""

from functools import cache
from importlib.util import find_spec

from dgmtui.errors import MissingTorch


@cache
def torch_is_installed() -> bool:
    """Found without loading it."""
    try:
        return find_spec("torch") is not None
    except (ImportError, ValueError):  # a module of that name is there that is no installed package
        return False


def require_torch() -> None:
    """``MissingTorch`` where it is not installed."""
    if not torch_is_installed():
        raise MissingTorch
