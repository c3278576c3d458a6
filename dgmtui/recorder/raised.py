"""What an exception that ends the training tells: where it was raised, and the numbers that an operation refused.

All of it is read off the traceback, so an iteration that raises nothing costs nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from dgmtui.recorder.naming import Names
from dgmtui.trace.sources import is_user_code, source_of

_SHOWN = 16
_LABELS = ("cross_entropy", "nll_loss")
"""Functions of PyTorch that take scores ``input`` and class numbers ``target``."""
_TOKENS = ("embedding", "embedding_bag")
"""Functions of PyTorch that look up rows ``input`` of a table ``weight``."""
_PHASES = (("/torch/optim/", "update"), ("/torch/autograd/", "backward"))


def facts_of(error: BaseException, names: Names, batch_size: int | None, index: Sequence[int] | None) -> dict[str, Any]:
    """Type, message, phase, module and source line; of numbers out of range which, how many there may be, and whose.

    Args:
        batch_size: rows of the batch, where that is known.
        index: of each row, its row of the data set.
    """
    frames = list(_frames(error.__traceback__))
    facts: dict[str, Any] = {"type": type(error).__name__, "message": str(error).strip(), "phase": _phase(frames)}
    facts |= _place(frames) | _module(frames, names)
    for frame, _ in reversed(frames):
        refused = _refused(frame)
        if refused is not None:
            facts |= _whose(refused, batch_size, index)
            break
    return facts


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _phase(frames: Sequence[tuple[FrameType, int]]) -> str:
    files = [frame.f_code.co_filename for frame, _ in frames]
    return next((phase for part, phase in _PHASES if any(part in file for file in files)), "forward")


def _place(frames: Sequence[tuple[FrameType, int]]) -> dict[str, Any]:
    """The innermost line of the user's."""
    for frame, line in reversed(frames):
        if is_user_code(frame.f_code.co_filename):
            source = source_of(frame.f_code, line)
            return {"source": str(source), "text": source.text}
    return {}


def _module(frames: Sequence[tuple[FrameType, int]], names: Names) -> dict[str, Any]:
    """The innermost module that was running and has a name."""
    for frame, _ in reversed(frames):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module):
            path = names.known_path(module)
            if path is not None:
                return {"module": path}
    return {}


def _refused(frame: FrameType) -> dict[str, Any] | None:
    """The numbers that a function of PyTorch was given and can't take; None where this is no such function."""
    code, given = frame.f_code, frame.f_locals
    if not code.co_filename.endswith("/torch/nn/functional.py"):
        return None
    look: Callable[[Mapping[str, Any]], tuple[Any, Any, int]] | None = None
    if code.co_name in _LABELS:
        look = _labels
    elif code.co_name in _TOKENS:
        look = _tokens
    if look is None:
        return None
    numbers, ignored, limit = look(given)
    if not isinstance(numbers, Tensor) or numbers.is_floating_point() or limit < 1:
        return None
    bad = ((numbers < 0) | (numbers >= limit)) & (numbers != ignored)
    if not bool(bad.any()):
        return None
    return {"numbers": numbers.detach(), "bad": bad, "limit": limit, "of": "labels" if look is _labels else "indices"}


def _labels(given: Mapping[str, Any]) -> tuple[Any, Any, int]:
    scores = given.get("input")
    classes = 0 if not isinstance(scores, Tensor) or not scores.dim() else scores.shape[min(1, scores.dim() - 1)]
    return given.get("target"), given.get("ignore_index", -100), classes


def _tokens(given: Mapping[str, Any]) -> tuple[Any, Any, int]:
    table = given.get("weight")
    return given.get("input"), None, table.shape[0] if isinstance(table, Tensor) and table.dim() else 0


def _whose(refused: Mapping[str, Any], batch_size: int | None, index: Sequence[int] | None) -> dict[str, Any]:
    """The refused numbers by the rows of the batch; of one that was flattened, rows lie in equal stretches."""
    numbers, bad = refused["numbers"], refused["bad"]
    places = bad.nonzero()
    known: dict[str, Any] = {
        "refused": refused["of"],
        "limit": refused["limit"],
        "count": int(bad.sum()),
        "numbers": torch.unique(numbers[bad])[:_SHOWN].tolist(),
        "first": places[0].tolist(),
    }
    length = numbers.shape[0] if numbers.dim() else 0
    if not batch_size or not length or length % batch_size:
        return known
    rows = torch.unique(places[:, 0] // (length // batch_size)).tolist()
    known |= {"samples": rows, "number": int(numbers[tuple(places[0])])}
    if index is not None and rows[0] < len(index):
        known["dataset_index"] = int(index[rows[0]])
    return known
