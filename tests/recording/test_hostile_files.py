"""Whatever the file is, opening and reading it works or fails with one sentence."""

import os
import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dgmtui.errors import DgmtuiError, RecordingError, UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import MEASURES, RunInfo
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)


def read_everything(path: Path) -> None:
    """Use the whole reading side."""
    with open_recording(path) as recording:
        recording.losses(), recording.seconds(), recording.rows, recording.end, recording.events()
        for name in recording.scalars:
            recording.scalar(name)
        for channel, known in enumerate(recording.channels):
            recording.statistics(channel)
            recording.first_nonfinite(known.module)
            for measure in MEASURES[known.quantity]:
                np.asarray(recording.series(channel, measure)[:])
        for row in range(len(recording.rows)):
            recording.statistics_row(row)
        for snapshot in recording.snapshots:
            for spec in snapshot.tensors.values():
                recording.tensor(spec)
        for trace in range(recording.trace_count):
            recording.trace(trace)
        recording.first_nonfinite(), recording.next_nonfinite(-1), recording.previous_nonfinite(10**9)


def survives(path: Path) -> None:
    """Read and check; only our own errors may come out, each one sentence in one line."""
    try:
        read_everything(path)
    except DgmtuiError as error:
        assert "\n" not in str(error) and str(error).endswith((".", "?"))
    report = check(path)
    assert report.exit_code in (0, 1, 3) and report.lines
    assert all("\n" not in line for line in report.lines)


def refused(path: Path, words: str) -> None:
    """The file can't be read, and both ways of asking say so."""
    with pytest.raises(RecordingError, match=words):
        read_everything(path)
    assert check(path).exit_code in (1, 3)


def test_what_is_no_recording_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("not a recording")
    (tmp_path / "head").write_bytes(b"\x89HDF\r\n\x1a\n")
    with h5py.File(tmp_path / "foreign", "w") as file:
        file["x"] = [1, 2]
    os.mkfifo(tmp_path / "pipe")
    for name, words in {
        "empty": "is empty",
        "text": "not an HDF5 file",
        "head": "truncated",
        "foreign": "no dgmtui recording",
        "missing": "does not exist",
        "pipe": "no regular file",
        "": "is a directory",
        "a\0b": "look at the name",
    }.items():
        refused(tmp_path / name, words)
        assert check(tmp_path / name).exit_code == 3


def test_a_newer_format_names_both_versions(sample: Callable[..., Path]) -> None:
    path = sample()
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 7
    refused(path, r"newer dgmtui \(format 7; this one reads up to 1\): upgrade dgmtui")


def test_truncated_anywhere(sample: Callable[..., Path], tmp_path: Path) -> None:
    whole = sample(40).read_bytes()
    cut = tmp_path / "cut.h5"
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        cut.write_bytes(whole[:length])
        survives(cut)
        assert check(cut).exit_code != 0


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_anywhere(sample: Callable[..., Path], killed: Path, tmp_path: Path, seed: int) -> None:
    whole = (sample(20) if seed % 2 else killed).read_bytes()
    rng = random.Random(seed)
    broken = tmp_path / "broken.h5"
    used = [at for at, byte in enumerate(whole) if byte]
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 4, 64))):
            data[rng.choice(used)] = rng.randrange(256)
        broken.write_bytes(data)
        survives(broken)


def replace(path: Path, name: str, **how: object) -> None:
    """Put another dataset in the place of one."""
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, **how)


def test_absurd_sizes_take_no_memory(sample: Callable[..., Path], tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    original = sample()
    for name, tail, dtype in (
        ("iterations/loss", (), "<f8"),
        ("rows/iteration", (), "<i8"),
        ("statistics/values", (3, 9), "<f8"),
        ("series/0/mean", (5,), "<f4"),
        ("log/data", (), "u1"),
        ("log/table", (3,), "<i8"),
        ("tensors/data", (), "u1"),
        ("index/nonfinite", (6,), "<i8"),
        ("late/series", (), "<f4"),
    ):
        path = tmp_path / "absurd.h5"
        shutil.copy(original, path)
        shape = (2**50, *tail)
        replace(path, name, shape=shape, maxshape=(None, *tail), dtype=dtype, chunks=(8, *tail))
        refused(path, "more than the file holds")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_an_absurd_network_is_refused(sample: Callable[..., Path], tmp_path: Path) -> None:
    path = sample()
    text = '{"modules":[],"channels":[{"module":"a","quantity":"weight","units":1000000000000}]}'
    replace(path, "about/network", data=np.bytes_(text.encode()))
    refused(path, "damaged|claims")
    replace(path, "about/network", data=np.bytes_(b"[" * 100_000))
    refused(path, "can't be parsed")


def test_data_in_other_files_is_refused(sample: Callable[..., Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file.create_dataset("loss", data=np.zeros(10))
    original = sample(10)
    path = tmp_path / "linked.h5"

    def external_link(file: h5py.File) -> None:
        file["iterations/loss"] = h5py.ExternalLink(str(secret), "loss")

    def soft_link(file: h5py.File) -> None:
        file["iterations/loss"] = h5py.SoftLink("/iterations/seconds")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((10,), "<f8")
        layout[:] = h5py.VirtualSource(str(secret), "loss", (10,))
        file.create_virtual_dataset("iterations/loss", layout)

    def external_storage(file: h5py.File) -> None:
        file.create_dataset("iterations/loss", (10,), "<f8", external=[(str(secret), 0, 80)])

    def filtered(file: h5py.File) -> None:
        file.create_dataset("iterations/loss", data=np.zeros(10), chunks=(10,), compression="gzip")

    def another_type(file: h5py.File) -> None:
        file.create_dataset("iterations/loss", data=np.zeros(10, np.float32))

    def a_group(file: h5py.File) -> None:
        file.create_group("iterations/loss")

    def a_named_type(file: h5py.File) -> None:
        file["iterations/loss"] = np.dtype("<f8")

    def nothing(file: h5py.File) -> None:
        pass

    makers = (external_link, soft_link, virtual, external_storage, filtered, another_type, a_group, a_named_type)
    for make in (*makers, nothing):
        shutil.copy(original, path)
        with h5py.File(path, "r+") as file:
            del file["iterations/loss"]
            make(file)
        refused(path, "/iterations/loss")


def change(path: Path, name: str, at: object, value: object) -> None:
    """Write over part of a dataset."""
    with h5py.File(path, "r+") as file:
        file[name][at] = value


@pytest.mark.parametrize(
    ("name", "at", "value", "words"),
    [
        ("log/table", (0, 1), 10**12, "outside its data"),
        ("log/table", (0, 2), -1, "outside its data"),
        ("log/table", (0, 0), 77, "unknown kind"),
        ("log/data", slice(0, 4), 255, "record 0 of the log"),
        ("rows/iteration", 3, 0, "do not go upwards"),
        ("committed", 1, 500, "rows that were committed"),
        ("index/first", (0, 0), 4, "is not its table's"),
        ("index/overall", 0, -1, "not the first of its table"),
        ("index/nonfinite", (0, 1), 99, "channel"),
        ("statistics/values", (4, 0, 6), 2.0, "the index does not know of"),
        ("late/rows", (0, 2), 10**9, "outside its data"),
    ],
)
def test_damage_is_named(sample: Callable[..., Path], name: str, at: object, value: object, words: str) -> None:
    path = sample(10)
    change(path, name, at, value)
    report = check(path)
    assert report.exit_code == 1 and not report.whole
    assert words in " ".join(report.lines), report.lines
    survives(path)


def test_memory_at_open_does_not_depend_on_the_length(tmp_path: Path, sample: Callable[..., Path]) -> None:
    import tracemalloc

    peaks = []
    for iterations in (50, 20_000):
        path = sample(iterations)
        tracemalloc.start()
        with open_recording(path) as recording:
            assert recording.first_nonfinite() is not None and recording.last_iteration == iterations - 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        RecordingWriter(tmp_path / "no" / "a.h5", INFO)
    with pytest.raises(UsageError, match="is a directory"):
        RecordingWriter(tmp_path, INFO)
    with pytest.raises(UsageError, match="can't be written"):
        RecordingWriter(tmp_path / ("x" * 300), INFO)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_replaces_another_only_when_it_begins(sample: Callable[..., Path]) -> None:
    path = sample(10)
    writer = RecordingWriter(path, INFO)
    with open_recording(path) as recording:
        assert recording.iteration_count == 10
        writer.begin([], [])
        assert recording.losses().shape == (10,)
    writer.close(None)
    with open_recording(path) as recording:
        assert recording.iteration_count == 0
    assert not path.with_name(path.name + ".part").exists()
