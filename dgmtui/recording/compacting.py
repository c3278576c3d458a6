"""Writing a finished recording anew, compressed, its series rounded to the bits that carry information."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import schema
from dgmtui.recording.budget import shown_size
from dgmtui.recording.choosing import Choice, Chooser, everything
from dgmtui.recording.codec import to_json
from dgmtui.recording.creating import part_of, short, writing
from dgmtui.recording.model import ROUNDED, Measure
from dgmtui.recording.opening import reading
from dgmtui.recording.reader import Recording, open_recording
from dgmtui.recording.rewriting import BLOCK_BYTES, Rewriter
from dgmtui.recording.rounding import MANTISSA, mantissa_bits, rounded
from dgmtui.recording.source import Source
from dgmtui.recording.thinning import told_once
from dgmtui.recording.writers import writer_of

COMPRESSION: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
"""Filters that every HDF5 has; higher levels take longer and hardly less room."""
SAMPLED = 1 << 22
"""Values of a series that its information is measured on, in blocks over its whole length."""
LEAST_KEPT = 3
"""Mantissa bits that are left even where none carries information: a curve in steps of a factor of two misleads."""
BLOCK_ROWS = 8
"""Rows by which a recording is thinned; at least so many of the newest are left."""
ATTEMPTS = 6
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Compacted:
    """What became of a recording."""

    path: Path
    before: int
    after: int
    """Bytes."""
    rounding: Mapping[str, int]
    """Mantissa bits left, of 23, by series."""
    rows: tuple[int, int]
    """Before and after."""


def parse_keep(text: str | int) -> int | None:
    """``all`` is 23, a number that many mantissa bits, ``auto`` None; ``UsageError`` for anything else."""
    if text == "auto":
        return None
    if text == "all":
        return MANTISSA
    if str(text).isdecimal() and int(text) <= MANTISSA:
        return int(text)
    raise UsageError(f"--keep-bits takes a number from 0 to {MANTISSA}, auto or all, not {text!r}")


def compact(
    path: Path,
    out: Path | None = None,
    *,
    keep: int | None = None,
    max_size: int | None = None,
    progress: Progress = lambda share: None,
) -> Compacted:
    """Write the recording at ``path`` compressed to ``out``, or in its place once that is whole.

    Args:
        keep: mantissa bits that series are rounded to; None: those that hold 99 % of the information, at least three.
        max_size: in bytes; rows and snapshots of old iterations are thinned until it fits.
        progress: told how far it is, in [0, 1].

    Raises:
        UsageError: it is being written, or ``out`` is there already.
        RecordingError: it can't be read, can't be made that small, or the disk refuses.
    """
    target = path if out is None else out
    other = writer_of(path)
    if other is not None:
        raise UsageError(f"process {other} is recording into {path}: compact it when that run has ended.")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists already: name another file, or leave out -o to compact in place.")
    with open_recording(path) as recording, reading(path), _temporary(target) as part:
        source, before = recording.source(), path.stat().st_size
        bits = _bits(recording, source, keep)
        choice = _written(part, recording, source, bits, max_size, progress)
        _verify(part, recording, choice)
        shutil.copymode(path, part)
        part.replace(target)
        kept = int(np.count_nonzero(choice.rows))
        return Compacted(target, before, target.stat().st_size, bits, (len(source.rows), kept))


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A name beside ``target`` under which nothing is left, unless it was given another."""
    if not target.parent.is_dir():
        raise UsageError(f"the directory {target.parent} does not exist: make it, or write elsewhere.")
    part = part_of(target)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _bits(recording: Recording, source: Source, keep: int | None) -> dict[str, int]:
    """Mantissa bits to leave each series that is rounded.

    The shares of zeros are not: whether one is 1 decides whether a unit counts as dead. What was rounded before stays.
    """
    known = dict(recording.rounding)
    for (_, measure), name in schema.series_names(source.channels).items():
        if measure is not Measure.ZEROS:
            bits = max(LEAST_KEPT, mantissa_bits(_samples(source, name))) if keep is None else keep
            if bits < known.get(name, MANTISSA):
                known[name] = bits
    return known


def _samples(source: Source, name: str) -> Iterator[NDArray[np.float32]]:
    """Blocks ``[rows, units]`` of a series, evenly over its length, of about ``SAMPLED`` values in all."""
    dataset, count = source.dataset(name), source.length(name)
    units = max(1, int(dataset.shape[1]))
    block = max(2, min(4 * source.block_rows, SAMPLED // units))
    wanted = max(1, SAMPLED // (block * units))
    starts = np.arange(0, count, block)
    for start in (
        starts[np.unique(np.linspace(0, len(starts) - 1, min(wanted, len(starts))).astype(int))] if count else ()
    ):
        yield dataset[start : min(int(start) + block, count)]


def _written(
    part: Path, recording: Recording, source: Source, bits: Mapping[str, int], limit: int | None, progress: Progress
) -> Choice:
    """Write everything, and where that is too large less and less."""
    choice, size = everything(source), _write(part, recording, source, everything(source), bits, limit, progress)
    chooser = Chooser(source, recording.info.every, block=BLOCK_ROWS)
    goal = sum(_inflated(source, name) for name in source.shapes)
    for _ in range(ATTEMPTS):
        if limit is None or size <= limit:
            return choice
        goal = int(goal * 0.95 * limit / size)
        fewer = chooser.choose(goal)
        if fewer is None:
            break
        choice, size = fewer, _write(part, recording, source, fewer, bits, limit, progress)
    raise RecordingError(
        f"{recording.path} can't be made smaller than {shown_size(size)} without losing what it is for: allow it more "
        "than --max-size, or round more with --keep-bits."
    )


def _inflated(source: Source, name: str) -> int:
    shape = source.dataset(name).shape
    return int(np.prod(shape, dtype=object)) * source.shapes[name].dtype.itemsize


def _write(
    part: Path,
    recording: Recording,
    source: Source,
    choice: Choice,
    bits: Mapping[str, int],
    limit: int | None,
    progress: Progress,
) -> int:
    """Write a choice of it and return the size of the file."""
    extra = {**recording.info.extra, **({ROUNDED: dict(bits)} if bits else {})}
    total = max(1, sum(_inflated(source, name) for name in source.shapes))
    done = 0

    def change(name: str, values: NDArray[Any]) -> NDArray[Any]:
        nonlocal done
        done += values.nbytes
        progress(min(1.0, done / total))
        return _rounded(values, bits[name]) if name in bits else values

    def create(file: h5py.File, name: str, like: schema.Growing) -> h5py.Dataset:
        return schema.create_growing(file, name, like, **COMPRESSION)

    more = told_once(source, choice, limit) if limit is not None and not choice.rows.all() else ()
    try:
        file = h5py.File(part, "w", libver="latest")
    except OSError as error:
        raise UsageError(f"{str(part)!r} can't be written ({short(error)}): write elsewhere with -o.") from error
    with writing(part), file:
        Rewriter(source, choice, file).write(to_json(replace(recording.info, extra=extra)), more, create, change)
    with part.open("rb") as whole:
        os.fsync(whole.fileno())
    return part.stat().st_size


def _rounded(values: NDArray[np.float32], keep: int) -> NDArray[np.float32]:
    """The rows, rounded in place and some at a time: wide ones take much memory on the way."""
    step = max(1, BLOCK_BYTES // max(1, values[:1].nbytes))
    for start in range(0, len(values), step):
        values[start : start + step] = rounded(values[start : start + step], keep)
    return values


def _verify(part: Path, recording: Recording, choice: Choice) -> None:
    """``RecordingError`` unless what was written can be read and is as long as what was to be kept."""
    with open_recording(part) as copy:
        for (channel, measure), _ in schema.series_names(copy.channels[: copy.first_late_channel]).items():
            copy.series(channel, measure)
        expected = recording.iteration_count, int(np.count_nonzero(choice.rows)), recording.end
        if (copy.iteration_count, len(copy.rows), copy.end) != expected:
            raise RecordingError(f"{part} did not come out as it should: {recording.path} stays as it was.")
