"""Single elements of weights: which they are, what they are called, and that the file keeps them as any series."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.check import check
from dgmtui.recording.compacting import compact
from dgmtui.recording.elements import index_of, places_of, series_label
from dgmtui.recording.model import Channel, End, Measure, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.rounding import rounded
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
WIDE = Channel("enc", Quantity.WEIGHT, 3, 700, (3, 50, 7))
ALONE = Channel("", Quantity.UPDATE, 0, 5, (9,))
LATE = Channel("aux", Quantity.WEIGHT_GRADIENT, 2, 4, (2, 3))
MODULES = [ModuleInfo("", "Net", None), ModuleInfo("enc", "Conv1d", "")]
RECORDINGS = Path(__file__).parents[2] / "recordings"


def numbers(row: int, width: int) -> np.ndarray:
    return np.random.default_rng([row, width]).standard_normal(width).astype(np.float32)


def add(writer: RecordingWriter, row: int) -> None:
    writer.add_iteration(row, 1.0, 0.1)
    if row == 2:
        writer.add_late_channels([ModuleInfo("aux", "Linear", "")], [LATE])
    if row >= 2:
        late = {Measure.NORM: numbers(row, 2), Measure.ELEMENT: numbers(row, 4)}
        writer.add_late_row(row, 2, np.zeros(9), late)
    series = {(0, Measure.NORM): numbers(row, 3), (0, Measure.ELEMENT): numbers(row, 700)}
    writer.add_row(row, np.zeros((2, 9)), series | {(1, Measure.ELEMENT): numbers(row, 5)})


def write(path: Path, rows: int = 100, **how: Any) -> Path:
    writer = RecordingWriter(path, INFO, **how)
    writer.begin(MODULES, [WIDE, ALONE])
    for row in range(rows):
        add(writer, row)
    writer.close(End("finished", rows - 1, ""))
    return path


def is_what_was_recorded(recording: Recording, keep: int = 23) -> None:
    for channel, width in ((0, 700), (1, 5), (2, 4)):
        held = np.asarray(recording.series(channel, Measure.ELEMENT))
        assert held.shape == (len(recording.rows), width)
        for place, row in enumerate(recording.rows):
            wanted = numbers(row, width) if channel != 2 or row >= 2 else np.full(width, np.nan)
            np.testing.assert_array_equal(held[place], wanted if channel == 2 else rounded(wanted, keep))


@pytest.mark.parametrize(("count", "size"), [(1, 1), (7, 100), (100, 100), (3, 10), (300, 2**40 + 7), (10**6, 10**13)])
def test_they_lie_evenly_over_the_tensor(count: int, size: int) -> None:
    places = places_of(count, size)
    for series in {0, count // 3, count // 2, count - 1}:
        assert places[series] == series * size // count
    assert places[0] == 0 and places[-1] < size and len(set(places.tolist())) == count


def test_a_series_is_called_by_its_place_in_the_tensor() -> None:
    for series, place in enumerate(places_of(700, 3 * 50 * 7)):
        assert index_of(series, WIDE) == np.unravel_index(place, WIDE.shape)
    assert series_label(WIDE, Measure.ELEMENT, 699) == "[2,49,5]"
    assert series_label(WIDE, Measure.NORM, 2) == "[2]"
    assert series_label(ALONE, "element", 4) == "[7]"


def test_they_are_read_back_and_the_file_is_whole(tmp_path: Path) -> None:
    with open_recording(write(tmp_path / "run.h5")) as recording:
        assert recording.channels == (WIDE, ALONE, LATE)
        assert recording.channels[1].measures == (Measure.ELEMENT,)
        is_what_was_recorded(recording)
        np.testing.assert_array_equal(recording.series(2)[2], numbers(2, 2))
        assert recording.series(1).shape == (100, 0), "it has no units"
        recording.series(0)[:]
    report = check(tmp_path / "run.h5")
    assert report.whole, report.lines


@pytest.mark.parametrize("keep", [23, 6])
def test_compacting_keeps_them(tmp_path: Path, keep: int) -> None:
    made = compact(write(tmp_path / "run.h5"), keep=keep)
    assert (made.rounding.get("series/0/element", 23), made.rounding.get("series/1/element", 23)) == (keep, keep)
    with open_recording(made.path) as recording:
        is_what_was_recorded(recording, keep)
    assert check(made.path).whole


def test_wide_rows_are_staged_and_rounded_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmtui.recording.written_file.STAGED_BYTES", 20_000)
    monkeypatch.setattr("dgmtui.recording.compacting.BLOCK_BYTES", 3_000)
    with open_recording(compact(write(tmp_path / "run.h5"), keep=6).path) as recording:
        is_what_was_recorded(recording, 6)


def test_a_size_is_kept_to_and_told_when_it_is_too_small(tmp_path: Path) -> None:
    limit = 3 << 20
    with open_recording(write(tmp_path / "run.h5", 3000, max_size=limit)) as recording:
        assert 100 < len(recording.rows) < 3000 and recording.thinned is not None
        is_what_was_recorded(recording)
    assert (tmp_path / "run.h5").stat().st_size <= limit
    writer = RecordingWriter(tmp_path / "wide.h5", INFO, max_size=limit)
    with pytest.raises(RecordingError, match="record less with --only or --elements"):
        writer.begin(MODULES, [Channel("enc", Quantity.WEIGHT, 3, 300_000, (3, 100_000))])


def test_older_files_follow_none() -> None:
    for path in sorted(RECORDINGS.glob("*.h5")):
        with open_recording(path) as recording:
            assert all(channel.elements == 0 and channel.shape == () for channel in recording.channels)
            weight = next(i for i, channel in enumerate(recording.channels) if channel.quantity == Quantity.WEIGHT)
            assert recording.series(weight, Measure.ELEMENT).shape == (len(recording.rows), 0)
            with pytest.raises(UsageError, match="activation has no element"):
                recording.series(recording.channel("", Quantity.ACTIVATION), Measure.ELEMENT)


def test_where_none_are_followed_the_file_does_not_tell_of_them(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run.h5", INFO)
    writer.begin(MODULES, [Channel("enc", Quantity.WEIGHT, 3)])
    writer.close(None)
    with h5py.File(tmp_path / "run.h5") as file:
        (channel,) = json.loads(file["about/network"][()])["channels"]
        assert channel == {"module": "enc", "quantity": "weight", "units": 3}
        assert list(file["series/0"]) == ["norm"]


@pytest.mark.parametrize(
    ("elements", "shape", "words"),
    [
        (1051, [3, 50, 7], "does not have"),
        (-1, [3], "does not have"),
        (1, [], "does not have"),
        (1, [0], "does not have"),
        (1, [-2, -3], "does not have"),
        (1, [1] * 65, "does not have"),
        (2**45, [2**45], "damaged"),
        (701, [3, 50, 7], "damaged"),
        (700.5, [3, 50, 7], "damaged"),
        (700, "wide", "damaged"),
    ],
)
def test_what_a_file_claims_is_not_believed(tmp_path: Path, elements: Any, shape: Any, words: str) -> None:
    path = shutil.copy(write(tmp_path / "run.h5", 3), tmp_path / "claims.h5")
    with h5py.File(path, "r+") as file:
        network = json.loads(file["about/network"][()])
        network["channels"][0] |= {"elements": elements, "shape": shape}
        del file["about/network"]
        file.create_dataset("about/network", data=np.bytes_(json.dumps(network).encode()))
    with pytest.raises(RecordingError, match=words), open_recording(path) as recording:
        recording.series(0, Measure.ELEMENT)
    assert check(path).exit_code in (1, 3)
    with pytest.raises(RecordingError):
        compact(Path(path))
