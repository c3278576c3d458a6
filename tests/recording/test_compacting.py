"""A compacted recording says the same in fewer bytes, and one made to harm is refused."""

import json
import os
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dgmtui.cli import main
from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import compacting, open_recording
from dgmtui.recording.check import check
from dgmtui.recording.compacting import compact, parse_keep
from dgmtui.recording.model import MEASURES, Channel, Measure, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.rounding import rounded
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1, extra={"only": ["enc"]})


def content(path: Path, keep: int = 23) -> dict[str, Any]:
    """All that a recording says, its series rounded as asked."""
    told: dict[str, Any] = {}
    with open_recording(path) as r:
        told |= {"rows": r.rows, "losses": r.losses(), "seconds": r.seconds(), "end": r.end, "events": r.events()}
        told |= {"channels": r.channels, "modules": r.modules, "first": r.first_nonfinite()}
        told |= {f"scalar {name}": r.scalar(name) for name in r.scalars}
        told |= {f"trace {i}": r.trace(i) for i in range(r.trace_count)}
        for i, channel in enumerate(r.channels):
            told[f"statistics {i}"] = r.statistics(i)
            for measure in MEASURES[channel.quantity]:
                values = np.asarray(r.series(i, measure))
                exact = measure is Measure.ZEROS or i >= r.first_late_channel
                told[f"series {i} {measure}"] = values if exact else rounded(values, keep)
        for each in r.snapshots:
            told[f"snapshot {each.iteration}"] = {n: bytes(r.tensor(s).data) for n, s in each.tensors.items()}
            told[f"verdict {each.iteration}"] = each.verdict
    return told


def the_same(path: Path, other: Path, keep: int = 23) -> None:
    np.testing.assert_equal(content(path), content(other, keep))


@pytest.mark.parametrize("keep", [23, 5, 0])
def test_it_says_the_same(sample: Callable[..., Path], tmp_path: Path, keep: int) -> None:
    path, out = sample(700), tmp_path / "small.h5"
    made = compact(path, out, keep=keep)
    assert made.after == out.stat().st_size < made.before / 2 and made.before == path.stat().st_size
    the_same(out, path, keep)
    report = check(out)
    assert report.exit_code == 0, report.lines
    assert ("rounded to" in report.lines[0]) == (keep < 23)
    with h5py.File(out) as file:  # by any HDF5, and once more by us
        assert np.array_equal(file["iterations/loss"][:], content(path)["losses"])
        assert file["series/0/mean"].compression == "gzip" and file["series/0/mean"].shuffle
    again = compact(out, keep=23)
    assert again.rounding == made.rounding and (set(made.rounding.values()) == ({keep} if keep < 23 else set()))
    the_same(out, path, keep)


def test_in_place_it_takes_the_recordings_name(sample: Callable[..., Path]) -> None:
    path = sample(300)
    path.chmod(0o640)
    before = content(path)
    compact(path, keep=23)
    np.testing.assert_equal(content(path), before)
    assert [each.name for each in path.parent.iterdir()] == [path.name] and path.stat().st_mode & 0o777 == 0o640


def test_a_killed_recording_is_compacted_as_far_as_it_is_whole(killed: Path) -> None:
    before = content(killed)
    compact(killed, keep=23)
    np.testing.assert_equal(content(killed), before)
    report = check(killed)
    assert report.exit_code == 0 and "killed" in report.lines[0]


def test_smaller_still_by_thinning(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RecordingWriter(path, INFO)
    writer.begin([ModuleInfo("a", "Linear", None)], [Channel("a", Quantity.WEIGHT, 300)])
    rng = np.random.default_rng(0)
    for i in range(2000):
        writer.add_iteration(i, 1.0, 0.1)
        writer.add_row(i, np.zeros((1, 9)), {(0, Measure.NORM): rng.standard_normal(300).astype(np.float32)})
    writer.close(None)
    limit = 1 << 20
    made = compact(path, tmp_path / "small.h5", keep=23, max_size=limit)
    assert made.after <= limit < 3 * made.after and made.rows[0] == 2000 > made.rows[1] > 200
    with open_recording(path) as full, open_recording(made.path) as small:
        assert small.thinned is not None and small.iteration_count == 2000
        np.testing.assert_array_equal(np.asarray(small.series(0)), np.asarray(full.series(0))[small.rows])
    whole = path.read_bytes()
    with pytest.raises(RecordingError, match="can't be made smaller than"):
        compact(path, keep=23, max_size=1 << 10)
    assert path.read_bytes() == whole and not path.with_name("run.h5.part").exists()


def test_an_interrupt_or_a_full_disk_leaves_it_whole(
    sample: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sample(50)
    whole = path.read_bytes()
    for error, raised in ((KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left"), RecordingError)):

        def refuse(*_: object, error: BaseException = error) -> Any:
            raise error

        monkeypatch.setattr(compacting, "rounded", refuse)
        with pytest.raises(raised):
            compact(path, keep=3)
        assert path.read_bytes() == whole and len(list(path.parent.iterdir())) == 1


def test_what_can_not_be_compacted_is_said(
    sample: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sample(10)
    with pytest.raises(UsageError, match="exists already"):
        compact(path, path)
    with pytest.raises(UsageError, match="does not exist"):
        compact(path, tmp_path / "no" / "x.h5")
    for text in ("24", "-1", "some", ""):
        with pytest.raises(UsageError, match="--keep-bits takes"):
            parse_keep(text)
    assert (parse_keep("auto"), parse_keep("all"), parse_keep("7")) == (None, 23, 7)
    assert main(["compact", str(path), "--keep-bits", "many"]) == 2
    assert main(["compact", str(tmp_path / "missing.h5")]) == 3
    assert main(["compact", str(path)]) == 0
    assert "before" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="asks Linux who has the file open")
def test_a_recording_that_is_being_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RecordingWriter(path, INFO)
    writer.begin([ModuleInfo("", "Linear", None)], [Channel("", Quantity.WEIGHT, 2)])
    with pytest.raises(UsageError, match=f"process {os.getpid()} is recording into"):
        compact(path)
    writer.close(None)


def test_shares_of_zeros_are_never_rounded(sample: Callable[..., Path]) -> None:
    path = sample(10)
    made = compact(path, keep=0)
    assert made.rounding and not any(name.endswith("/zeros") for name in made.rounding)


# Files made to harm


def with_chunk(path: Path, name: str, chunk: bytes, mask: int = 0) -> None:
    """Put something else in the place of a dataset's first chunk."""
    with h5py.File(path, "r+") as file:
        file[name].id.write_direct_chunk((0,) * file[name].ndim, chunk, mask)


def bomb(gigabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(1024 * gigabytes)]) + packer.flush()


BOMB = bomb(1)
HARMFUL = {
    "inflates to a gigabyte": (BOMB, 0),
    "inflates to a little more": (zlib.compress(bytes(200_000)), 0),
    "too short": (zlib.compress(b"abc"), 0),
    "unfinished": (zlib.compress(os.urandom(9000))[:4000], 0),
    "no deflate": (os.urandom(300), 0),
    "not deflated": (b"abcd", 3),
}


@pytest.mark.parametrize("name", ["iterations/loss", "rows/iteration", "log/table", "series/0/mean", "tensors/data"])
@pytest.mark.parametrize("harm", HARMFUL)
def test_a_chunk_that_does_not_inflate_to_itself_is_refused(sample: Callable[..., Path], name: str, harm: str) -> None:
    path = sample(10)
    compact(path)
    with_chunk(path, name, *HARMFUL[harm])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordingError, match="does not inflate to its") as raised:
        content(path)
    assert raised.value.exit_code == 3 and "\n" not in str(raised.value)
    assert check(path).exit_code in (1, 3)
    with pytest.raises(RecordingError):
        compact(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def replaced(path: Path, name: str, **how: Any) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, **how)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"shape": (2**40,), "chunks": (512,)}, "inflates to"),
        ({"shape": (2**20,), "chunks": (2**18,)}, "inflates to"),
        ({"shape": (2**20,), "chunks": (512,)}, "holds 0 of the 2048 chunks"),
        ({"shape": (10,), "chunks": (10,), "fletcher32": True}, "filters"),
        ({"shape": (10,), "chunks": (10,), "scaleoffset": 3, "compression": None, "shuffle": None}, "filters"),
        ({"shape": (10,), "chunks": (10,), "compression": "lzf"}, "filters"),
        ({"shape": (10,), "chunks": (10,), "shuffle": False}, "filters"),
    ],
)
def test_claims_and_other_filters_are_refused(sample: Callable[..., Path], how: dict[str, Any], words: str) -> None:
    path = sample(10)
    replaced(path, "iterations/loss", **{"dtype": "<f8", "compression": "gzip", "shuffle": True, **how})
    with pytest.raises(RecordingError, match=words):
        open_recording(path)
    assert main(["check", str(path)]) == 3


def test_compressed_texts_and_fixed_parts_are_refused(sample: Callable[..., Path]) -> None:
    path = sample(10)
    replaced(path, "committed", data=np.zeros(8, "<i8"), chunks=(8,), compression="gzip", shuffle=True)
    with pytest.raises(RecordingError, match="filters"):
        open_recording(path)


def test_flipped_bytes_never_crash(sample: Callable[..., Path], tmp_path: Path) -> None:
    """In a process of its own, so that a crash would be seen."""
    path = sample(10)
    compact(path)
    code = (
        "import sys, random; sys.path.insert(0, sys.argv[2]); import test_hostile_files as h\n"
        "from pathlib import Path\n"
        "whole, broken, rng = Path(sys.argv[1]).read_bytes(), Path(sys.argv[1] + '.broken'), random.Random(5)\n"
        "used = [at for at, byte in enumerate(whole) if byte]\n"
        "for _ in range(60):\n"
        "    data = bytearray(whole)\n"
        "    for _ in range(rng.choice((1, 4, 64))): data[rng.choice(used)] = rng.randrange(256)\n"
        "    broken.write_bytes(data); h.survives(broken)\n"
    )
    command = [sys.executable, "-c", code, str(path), str(Path(__file__).parent)]
    assert subprocess.run(command, check=False).returncode == 0


# What is found


def found(path: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[Any, ...]]:
    """What went wrong, where and by what, as the command line tells it."""
    capsys.readouterr()
    assert main([str(path), "--batch", "--json", "-c", "findings"]) == 0
    fields = ("kind", "severity", "iteration", "phase", "module", "op", "sample", "samples", "unit", "value", "source")
    answer = json.loads(capsys.readouterr().out)["findings"]
    return [tuple(json.dumps(each[name]) for name in fields) for each in answer]


@pytest.mark.parametrize("name", ["vae.h5", "cnn.h5"])
def test_what_went_wrong_is_found_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = Path(__file__).parents[2] / "recordings" / name
    before = found(path, capsys)
    assert before
    for how in ({}, {"max_size": int(0.2 * path.stat().st_size)}):
        made = compact(path, tmp_path / f"{len(how)}-{name}", **how)
        assert found(made.path, capsys) == before, how
        assert made.rounding and (made.rows[1] < made.rows[0]) == bool(how)
        assert made.after <= how.get("max_size", made.before)
