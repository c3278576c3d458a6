"""Opening a file that may be anything, and its datasets only after their claims were checked."""

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dgmtui.errors import DgmtuiError, RecordingError
from dgmtui.recording import schema
from dgmtui.recording.creating import part_of, short
from dgmtui.recording.inflating import FILTERS, InflatedDataset

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FLAGS_AT = 11
"""Byte of a version 3 superblock that says whether a writer has, or had and was killed, the file open."""
WRITER_FLAG, SWMR_FLAG = 1, 4
TEXT_BOUND = 1 << 28
"""Bytes of JSON in one text; more is taken for damage."""
CHUNK_BOUND = 1 << 28
READER_CACHE = 1 << 20
READ_ATTEMPTS = 22
"""The last sleeps 4 ms; a writer is done with what it changes long before."""
DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    KeyError,
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
)
"""What h5py, NumPy and Python raise on a damaged or hostile file."""


@contextlib.contextmanager
def reading(path: Path, what: str = "") -> Iterator[None]:
    """Turn whatever a damaged file makes HDF5 raise into one sentence."""
    try:
        yield
    except DgmtuiError:
        raise
    except DAMAGED as error:
        place = f" in {what}" if what else ""
        raise RecordingError(
            f"{path} is damaged{place} ({short(error)}): record again, or see how far it is whole with dgmtui check."
        ) from error


def open_file(path: Path) -> h5py.File:
    """Open for reading only, following the writer where there is or was one; else ``RecordingError``."""
    swmr = _follows_writer(path, _head(path))
    try:
        flags = h5py.h5f.ACC_RDONLY | (h5py.h5f.ACC_SWMR_READ if swmr else 0)
        return h5py.File(h5py.h5f.open(os.fsencode(path), flags, _access()))
    except DAMAGED as error:
        raise RecordingError(
            f"{path} is an HDF5 file that can't be opened ({short(error)}): it is truncated or damaged; record again."
        ) from error


def same_file(a: Path, b: Path) -> bool:
    """Whether two paths lead to one file; where one leads nowhere, whether they are equal."""
    try:
        return a.samefile(b)
    except OSError:
        return a == b


def _access() -> Any:
    """How HDF5 is to open the file: without locks, with few attempts at what has a wrong checksum."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    access.set_file_locking(False, True)
    slots, preemption = access.get_cache()[1], access.get_cache()[3]
    access.set_cache(0, slots, READER_CACHE, preemption)
    # HDF5 reads 100 times what a writer may be changing and sleeps twice as long each time: for ever, in a damaged
    # file. h5py has no call for the number, its extension module leads to HDF5's own.
    with contextlib.suppress(OSError, AttributeError):
        limit = ctypes.CDLL(h5py.h5p.__file__).H5Pset_metadata_read_attempts
        limit.argtypes, limit.restype = (ctypes.c_int64, ctypes.c_uint), ctypes.c_int
        limit(access.id, READ_ATTEMPTS)
    return access


def _head(path: Path) -> bytes:
    """The first bytes of a regular file."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise RecordingError(f"{path} is a directory: name the recording, a file ending in .h5.")
        if not stat.S_ISREG(mode):
            raise RecordingError(f"{path} is no regular file: name the recording, a file ending in .h5.")
        with path.open("rb") as file:
            return file.read(16)
    except FileNotFoundError as error:
        raise RecordingError(_missing(path)) from error
    except PermissionError as error:
        raise RecordingError(f"{path} may not be read by you: ask for the right to read it.") from error
    except (OSError, ValueError) as error:
        raise RecordingError(f"{str(path)!r} can't be opened ({short(error)}): look at the name.") from error


def _missing(path: Path) -> str:
    if os.path.exists(part_of(path)):  # noqa: PTH110 - unlike Path.exists, no name is too long for it
        return (
            f"{path} does not exist yet, only {part_of(path).name}: its run has not finished its first iteration, "
            "or was killed before; wait, or record again."
        )
    return f"{path} does not exist: look at the name, or record with dgmtui record -o {path} SCRIPT."


def _follows_writer(path: Path, head: bytes) -> bool:
    """Whether the file has to be opened as one that a writer has open."""
    if not head:
        raise RecordingError(f"{path} is empty: record again.")
    if not head.startswith(SIGNATURE):
        raise RecordingError(f"{path} is not an HDF5 file: dgmtui opens what dgmtui record made.")
    if len(head) < 16:
        raise RecordingError(f"{path} is truncated after {len(head)} bytes: record again.")
    flags = head[FLAGS_AT] if head[len(SIGNATURE)] >= 3 else 0
    if flags & WRITER_FLAG and not flags & SWMR_FLAG:
        raise RecordingError(
            f"{path} was being written and had not finished its first iteration: wait if its run goes on, else "
            "record again."
        )
    return bool(flags & SWMR_FLAG)


def file_size(file: h5py.File) -> int:
    """Bytes of the file that is open, whatever its name belongs to by now."""
    return os.fstat(file.id.get_vfd_handle()).st_size


def is_replaced(file: h5py.File, path: Path) -> bool:
    """Whether the name now belongs to another file than the one that is open."""
    try:
        return not os.path.samestat(os.fstat(file.id.get_vfd_handle()), path.stat())
    except (OSError, ValueError, RuntimeError):
        return False


def check_format(file: h5py.File, path: Path) -> None:
    """``RecordingError`` for HDF5 files that are not ours and those of a newer dgmtui."""
    foreign = f"{path} is an HDF5 file but no dgmtui recording: dgmtui opens what dgmtui record made."
    found, version = _attribute(file, "format"), _attribute(file, "format_version")
    if found != schema.FORMAT or not isinstance(version, int):
        raise RecordingError(foreign)
    if version > schema.FORMAT_VERSION:
        raise RecordingError(
            f"{path} was made by a newer dgmtui (format {version}; this one reads up to {schema.FORMAT_VERSION}): "
            "upgrade dgmtui."
        )
    if version < 1:
        raise RecordingError(foreign)


def _attribute(file: h5py.File, name: str) -> Any:
    """A small scalar attribute as ``str`` or ``int``; None where it is anything else."""
    try:
        attribute = file.attrs.get_id(name)
        if attribute.dtype.kind not in "Siu" or attribute.shape != () or attribute.get_storage_size() > 1024:
            return None
        value = file.attrs[name]
    except DAMAGED:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return int(value) if isinstance(value, np.integer) else value


def open_dataset(file: h5py.File, name: str, *, compressed: bool = False) -> h5py.Dataset:
    """A dataset that lies in this very file and whose storage is of a kind that we write; ``RecordingError`` else.

    Args:
        compressed: it may be, as ``dgmtui compact`` does; only ``open_numbers`` reads that safely.
    """
    found: Any = file
    for part in name.split("/"):
        if not isinstance(found, h5py.Group) or not isinstance(found.get(part, getlink=True), h5py.HardLink):
            raise RecordingError(f"{file.filename} has no dataset /{name} of its own: it is damaged; record again.")
        found = found[part]
    if not isinstance(found, h5py.Dataset):
        raise RecordingError(f"{file.filename} has something else where dataset /{name} should be: record again.")
    created = found.id.get_create_plist()
    known = ((), FILTERS) if compressed else ((),)
    if created.get_external_count() or created.get_layout() == h5py.h5d.VIRTUAL or _filters(created) not in known:
        raise RecordingError(
            f"{file.filename} keeps /{name} in other files or behind filters that dgmtui does not write: refused."
        )
    if found.chunks is not None and np.prod(found.chunks, dtype=float) * found.dtype.itemsize > CHUNK_BOUND:
        raise RecordingError(f"{file.filename} claims absurd chunks for /{name}: it is damaged; record again.")
    return found


def _filters(created: Any) -> tuple[int, ...]:
    return tuple(created.get_filter(i)[0] for i in range(created.get_nfilters()))


def open_numbers(file: h5py.File, name: str, like: schema.Growing) -> h5py.Dataset:
    """A growing dataset whose type and shape are as the schema says, and whose claimed rows could be in the file.

    Raises:
        RecordingError: they are not, or could not.
    """
    found = open_dataset(file, name, compressed=True)
    if _filters(found.id.get_create_plist()):
        found = InflatedDataset(found.id)
    if found.dtype != like.dtype or found.ndim != 1 + len(like.tail) or found.shape[1:] != like.tail:
        raise RecordingError(
            f"{file.filename} has /{name} as {found.dtype} {found.shape}, not {like.dtype} [n, "
            f"{', '.join(map(str, like.tail))}]: it is damaged; record again."
        )
    if isinstance(found, InflatedDataset):
        found.check(file_size(file))
    else:
        check_claim(file, name, found.shape[0], like)
    return found


def check_claim(file: h5py.File, name: str, rows: int, like: schema.Growing) -> None:
    """``RecordingError`` for more rows than the whole file has bytes for."""
    row_bytes = max(1, like.dtype.itemsize * int(np.prod(like.tail, dtype=object)))
    if rows * row_bytes > file_size(file):
        raise RecordingError(
            f"{file.filename} claims {rows} rows in /{name}, more than the file holds: it is damaged or truncated."
        )


def read_text(file: h5py.File, name: str) -> str:
    """A scalar UTF-8 string of fixed length; ``RecordingError`` where it is something else, or not there."""
    found = open_dataset(file, name)
    if found.shape != () or found.dtype.kind != "S" or found.dtype.itemsize > TEXT_BOUND:
        raise RecordingError(f"{file.filename} has something else where the text /{name} should be: record again.")
    if found.id.get_storage_size() < found.dtype.itemsize:
        raise RecordingError(f"{file.filename} claims a text /{name} that it does not hold: it is damaged.")
    return bytes(found[()]).decode()
