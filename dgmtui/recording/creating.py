"""Creating a recording's file, renaming it, and saying in one sentence why the disk refused."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import schema
from dgmtui.recording.codec import to_json
from dgmtui.recording.model import RunInfo
from dgmtui.recording.writers import writer_of


def part_of(path: Path) -> Path:
    """Where a recording is written until its first iteration is whole."""
    return path.with_name(path.name + ".part")


def create_part(path: Path, info: RunInfo) -> h5py.File:
    """Create ``PATH.part`` with what is known before the first iteration; ``UsageError`` where it can't be."""
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a directory: name a file to record into.")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is a device or a pipe: name a file to record into.")
        if not path.parent.is_dir():
            raise UsageError(f"the directory {path.parent} does not exist: make it, or record elsewhere.")
        other = writer_of(path)
        if other is not None:
            raise UsageError(f"process {other} is recording into {path}: close that recording, or name another file.")
        # no chunk cache: rows are staged by us, and a cache a dataset would multiply over a network's many series
        file = h5py.File(part_of(path), "w", libver="latest", rdcc_nbytes=0)
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} can't be written ({short(error)}): record elsewhere with -o.") from error
    with writing(path):
        file.attrs["format"] = np.bytes_(schema.FORMAT.encode())  # of fixed length: the heap of others has no checksum
        file.attrs["format_version"] = schema.FORMAT_VERSION
        schema.create_text(file, schema.INFO, to_json(info))
        file.flush()
    return file


def switch_to_following(file: h5py.File, path: Path) -> None:
    """Let readers in and give the file its final name; from here on nothing may be created in it."""
    file.flush()
    file.swmr_mode = True
    part_of(path).replace(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what HDF5 and the disk raise while writing into one sentence."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise RecordingError(
            f"{path} can't be written further ({short(error)}): look at the disk's space and rights."
        ) from error


def short(error: BaseException) -> str:
    """The part of an HDF5 error that a person understands."""
    text = " ".join(str(error).split())
    for marker in ("error message = '", "[Errno "):
        if marker in text:
            text = text.split(marker, 1)[1].split("'", 1)[0].split("]", 1)[-1]
            break
    return text.strip()[:160] or type(error).__name__
