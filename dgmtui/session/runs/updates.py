"""What the process that reads runs tells of them: a line of JSON each, so that what comes of a file stays data."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dgmtui.session.runs.model import Run, RunFiles, Worst


@dataclass(frozen=True)
class Listed:
    """Which runs there are by now."""

    files: tuple[RunFiles, ...]
    error: str = ""
    """Why the directory can't be read; then ``files`` is empty and means nothing."""


@dataclass(frozen=True)
class Begun:
    """What is read next: if this process breaks, that is why."""

    name: str


Update: TypeAlias = Listed | Begun | Run


def to_line(update: Update) -> bytes:
    """One line, ASCII, its end included; names that are no UTF-8 and numbers that are not finite come through."""
    told = {"is": type(update).__name__, **asdict(update)}
    return json.dumps(told, default=os.fspath).encode("ascii") + b"\n"


def from_line(line: bytes) -> Update:
    """What ``to_line`` was given.

    Raises:
        ValueError: that is no such line.
    """
    told = json.loads(line)
    try:
        match told.pop("is"):
            case "Listed":
                return Listed(tuple(map(_files, told["files"])), told["error"])
            case "Begun":
                return Begun(told["name"])
            case "Run":
                worst = None if told["worst"] is None else Worst(**told["worst"])
                parts = {"files": _files(told["files"]), "losses": tuple(told["losses"]), "worst": worst}
                return Run(**{**told, **parts})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no update of runs: {line[:80]!r}") from error
    raise ValueError(f"no update of runs: {line[:80]!r}")


def _files(told: Mapping[str, Any]) -> RunFiles:
    stamp = tuple((inode, written, size) for inode, written, size in told["stamp"])
    return RunFiles(told["name"], tuple(map(Path, told["paths"])), told["written"], stamp)
