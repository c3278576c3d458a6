"""What was written is what is read."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import (
    STATISTICS,
    Channel,
    End,
    Event,
    Match,
    Measure,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    TensorSpec,
)
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)


def test_everything_comes_back(sample: Callable[..., Path]) -> None:
    with open_recording(sample(10)) as recording:
        assert recording.info.argv == ("--lr", "1")
        assert [module.path for module in recording.modules] == ["", "enc", "aux"]
        assert recording.module("enc").output_shape == (8, 5)
        assert recording.iteration_count == 10 and recording.last_iteration == 9
        np.testing.assert_array_equal(recording.rows, np.arange(10))
        np.testing.assert_array_equal(recording.losses(2, 5), 1 / np.arange(3.0, 6.0))
        np.testing.assert_array_equal(recording.seconds(-2), [0.01, 0.01])
        assert recording.scalars == ("lr", "kl")
        np.testing.assert_array_equal(recording.scalar("lr"), np.full(10, 0.1))
        np.testing.assert_array_equal(recording.scalar("kl", 3, 6), [3, 4, 5])
        assert recording.end == End("finished", 9, "") and not recording.live
        assert recording.events() == (Event(1, "note", "something happened", {"value": "inf"}),)


def test_statistics_and_series_slice(sample: Callable[..., Path]) -> None:
    with open_recording(sample(200)) as recording:
        channel = recording.channel("enc", Quantity.WEIGHT)
        row = recording.statistics(channel, 130, 131)[0]
        np.testing.assert_array_equal(row[:6], np.arange(9.0, 15.0) + 130 / 3)
        np.testing.assert_array_equal(recording.statistics_row(130)[channel], row)
        series = recording.series(channel)
        assert series.shape == (200, 5) and series.dtype == np.float32
        expected = 100 + np.arange(200)[:, None] + np.arange(5)
        np.testing.assert_array_equal(series[:], expected)
        np.testing.assert_array_equal(series[-3:, 2], expected[-3:, 2])
        np.testing.assert_array_equal(series[5], expected[5])
        np.testing.assert_array_equal(series[[7, 3, 7]], expected[[7, 3, 7]])
        np.testing.assert_array_equal(series[::-50, 1:3], expected[::-50, 1:3])
        assert recording.series(2).shape == (200, 0)
        with pytest.raises(IndexError):
            series[200]


def test_a_late_channel_has_rows_where_it_was_seen(sample: Callable[..., Path]) -> None:
    with open_recording(sample(10)) as recording:
        channel = recording.channel("aux", Quantity.ACTIVATION)
        assert channel == 3
        statistics = recording.statistics(channel)
        assert np.isnan(statistics[:9, :6]).all() and (statistics[:9, 6:] == 0).all()
        np.testing.assert_array_equal(statistics[9, :6], np.arange(6))
        series = recording.series(channel, Measure.RMS)[:]
        np.testing.assert_array_equal(series[9], [8, 8])
        assert np.isnan(series[:9]).all()
        assert recording.statistics_row(9).shape == (4, 9)


def test_a_snapshot_keeps_bytes_and_types(sample: Callable[..., Path]) -> None:
    with open_recording(sample()) as recording:
        (snapshot,) = recording.snapshots
        assert np.isnan(snapshot.loss) and snapshot.verdict.forward is Match.MATCHES
        tensor = recording.tensor(snapshot.tensors["param:w"])
        assert tensor.dtype == "bfloat16" and tensor.shape == (2, 3)
        assert tensor.data.tobytes() == bytes(range(12))
        assert recording.tensor(snapshot.tensors["input:x"]).data.tolist() == [0]
        assert recording.trace(snapshot.trace) == '{"nodes": []}'
        assert recording.snapshot(2) == snapshot and recording.snapshot(3) is None
        assert recording.nearest_snapshot(9) == snapshot and recording.nearest_snapshot(1) is None
        assert isinstance(snapshot.tensors["param:w"], TensorSpec)


def test_unknown_names_offer_the_nearest(sample: Callable[..., Path]) -> None:
    with open_recording(sample()) as recording:
        with pytest.raises(UsageError, match="did you mean 'enc'"):
            recording.module("encc")
        with pytest.raises(UsageError, match="'activation', 'weight'"):
            recording.channel("enc", Quantity.UPDATE)
        with pytest.raises(UsageError, match="did you mean 'lr'"):
            recording.scalar("lrr")
        with pytest.raises(UsageError, match="no trace 5|there is no trace 5"):
            recording.trace(5)
        with pytest.raises(UsageError, match="at or before iteration -1"):
            recording.row_at(-1)
        assert recording.row_at(99) == 9


def test_rows_need_not_be_of_every_iteration(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5", INFO)
    writer.begin([ModuleInfo("", "Net", None)], [Channel("", Quantity.ACTIVATION, 0)])
    for iteration in (0, 10, 20):
        writer.add_iteration(iteration, float(iteration), 0.0)
        writer.add_row(iteration, np.zeros((1, 9)), {})
    with pytest.raises(ValueError, match="upwards"):
        writer.add_row(20, np.zeros((1, 9)), {})
    writer.close(None)
    with open_recording(tmp_path / "a.h5") as recording:
        assert recording.iteration_count == 21 and recording.live
        assert np.isnan(recording.losses(1, 10)).all()
        assert recording.row_at(19) == 1 and recording.rows.tolist() == [0, 10, 20]
    assert check(tmp_path / "a.h5").whole


@settings(max_examples=25)
@given(data=st.data(), rows=st.integers(0, 30), block=st.integers(1, 9), units=st.integers(1, 4))
def test_any_numbers_come_back_bit_for_bit(
    tmp_path: Path, data: st.DataObject, rows: int, block: int, units: int
) -> None:
    statistics = data.draw(hnp.arrays(np.float64, (rows, 2, len(STATISTICS)), elements=st.floats(width=64)))
    statistics[:, :, 6:] = data.draw(hnp.arrays(np.int64, (rows, 2, 3), elements=st.integers(0, 2)))
    series = data.draw(hnp.arrays(np.float32, (rows, units), elements=st.floats(width=32)))
    losses = data.draw(hnp.arrays(np.float64, rows, elements=st.floats(width=64)))
    flush_at = data.draw(st.sets(st.integers(0, 30)))
    path = tmp_path / "any.h5"
    writer = RecordingWriter(path, INFO, block_rows=block)
    channels = [Channel("a", Quantity.UPDATE, units), Channel("b", Quantity.UPDATE, 0)]
    writer.begin([ModuleInfo(name, "Linear", None) for name in "ab"], channels)
    for row in range(rows):
        writer.add_iteration(row, losses[row], 0.0)
        writer.add_row(row, statistics[row], {(0, Measure.NORM): series[row]})
        if row in flush_at:
            writer.flush()
    writer.close(None)
    with open_recording(path) as recording:
        assert recording.losses().tobytes() == losses.tobytes()
        assert recording.series(0)[:].tobytes() == series.tobytes()
        for channel in (0, 1):
            assert recording.statistics(channel).tobytes() == statistics[:, channel].tobytes()
        bad = [(row, c) for row in range(rows) for c in (0, 1) if statistics[row, c, 6:].any()]
        first = recording.first_nonfinite()
        assert (None if first is None else first.iteration) == (bad[0][0] if bad else None)
        for c, name in enumerate("ab"):
            mine = recording.first_nonfinite(name)
            assert (None if mine is None else mine.iteration) == next((r for r, each in bad if each == c), None)
    assert check(path).lines and check(path).whole


def test_an_iteration_told_again_is_written_over(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5", INFO)
    writer.begin([], [])
    writer.add_iteration(0, 1.0, 0.0)
    writer.flush()
    writer.add_iteration(0, 2.0, 0.0)
    writer.close(None)
    with open_recording(tmp_path / "a.h5") as recording:
        assert recording.losses().tolist() == [2.0]


def test_what_was_told_twice_is_in_the_index_once(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5", INFO, block_rows=4)
    writer.begin([ModuleInfo("a", "Linear", None)], [Channel("a", Quantity.UPDATE, 0)])
    told = NonFinite(3, "a", Quantity.UPDATE, None, 0, 5, 0)
    for iteration in range(20):
        writer.add_iteration(iteration, 1.0, 0.0)
        writer.add_row(iteration, np.r_[np.zeros(6), 0, 5 * (iteration in (3, 9)), 0][None], {})
        if iteration == 3:
            writer.add_nonfinite(told)
            writer.add_nonfinite(told)
        writer.flush()
    writer.close(None)
    with open_recording(tmp_path / "a.h5") as recording:
        assert recording.index.table[:, 0].tolist() == [3, 9]
        assert recording.first_nonfinite() == told


def test_the_index_answers_next_and_previous(sample: Callable[..., Path]) -> None:
    with open_recording(sample()) as recording:
        found = NonFinite(3, "enc", Quantity.WEIGHT, 4, 1, 2, 3)
        assert recording.first_nonfinite() == found == recording.first_nonfinite("enc")
        assert recording.first_nonfinite("") is None is recording.first_nonfinite("aux")
        assert recording.next_nonfinite(2) == found and recording.next_nonfinite(3) is None
        assert recording.previous_nonfinite(4) == found and recording.previous_nonfinite(3) is None


def test_a_late_channel_enters_the_index(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5", INFO)
    writer.begin([ModuleInfo("a", "Linear", None)], [Channel("a", Quantity.UPDATE, 0)])
    (late,) = writer.add_late_channels([ModuleInfo("z", "Linear", None)], [Channel("z", Quantity.UPDATE, 2)])
    writer.add_iteration(0, 1.0, 0.0)
    writer.add_row(0, np.zeros((1, 9)), {})
    writer.add_late_row(0, late, np.r_[np.zeros(6), 0, 1, 0], {Measure.NORM: np.array([1, np.inf], np.float32)})
    writer.close(None)
    with open_recording(tmp_path / "a.h5") as recording:
        assert recording.first_nonfinite("z") == NonFinite(0, "z", Quantity.UPDATE, 1, 0, 1, 0)
        assert recording.first_nonfinite() == recording.first_nonfinite("z")
    assert check(tmp_path / "a.h5").whole


def test_the_first_is_answered_without_reading_statistics(
    sample: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import h5py

    read: list[str] = []
    original = h5py.Dataset.__getitem__

    def spy(self: h5py.Dataset, key: object, **options: object) -> object:
        read.append(self.name)
        return original(self, key, **options)

    with open_recording(sample(300)) as recording:
        monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
        assert recording.first_nonfinite() is not None
        assert recording.first_nonfinite("enc") is not None
    assert set(read) <= {"/index/first", "/index/overall", "/log/data"}


def test_ranks_open_together(tmp_path: Path) -> None:
    import dataclasses

    for rank in (1, 0):
        writer = RecordingWriter(tmp_path / f"run.rank{rank}.h5", dataclasses.replace(INFO, rank=rank, world_size=2))
        writer.begin([], [])
        writer.close(End("finished", -1, ""))
    with open_recording([tmp_path / "run.rank1.h5", tmp_path / "run.rank0.h5"]) as recording:
        assert [each.info.rank for each in recording.ranks] == [0, 1] and recording.info.rank == 0


def test_small_recordings_are_small_files(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5", INFO, block_rows=50)
    channels = [Channel(str(i), quantity, 50) for i in range(14) for quantity in Quantity]
    writer.begin([ModuleInfo(str(i), "Linear", None) for i in range(14)], channels)
    for row in range(200):
        writer.add_iteration(row, 1.0, 0.0)
        writer.add_row(row, np.zeros((len(channels), 9)), {})
    writer.close(None)
    assert (tmp_path / "a.h5").stat().st_size < 1.3 * 200 * (700 * 9 * 4 + 70 * 72)


def test_no_torch_is_loaded() -> None:
    code = (
        "import sys, dgmtui.recording, dgmtui.recording.reader, dgmtui.recording.writer, dgmtui.recording.check;"
        "print([m for m in ('torch', 'textual', 'rich', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_late_rows_come_back_in_their_order_however_they_were_staged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgmtui.recording.writing_late.LATE_BYTES", 700)
    writer = RecordingWriter(tmp_path / "a.h5", INFO, block_rows=8)
    writer.begin([ModuleInfo("a", "Linear", None)], [Channel("a", Quantity.UPDATE, 0)])
    widths = {"narrow": 3, "wide": 40}
    late = writer.add_late_channels(
        [ModuleInfo(name, "Linear", None) for name in widths],
        [Channel(name, Quantity.WEIGHT, width) for name, width in widths.items()],
    )
    for iteration in range(30):
        writer.add_iteration(iteration, 1.0, 0.0)
        writer.add_row(iteration, np.zeros((1, 9)), {})
        for channel, width in zip(late, widths.values(), strict=True):
            norms = np.arange(width, dtype=np.float32) + 100 * iteration
            writer.add_late_row(iteration, channel, np.r_[np.full(6, iteration), 0, 0, 0], {Measure.NORM: norms})
        if iteration == 17:
            writer.flush()
            shutil.copy(tmp_path / "a.h5", tmp_path / "so far.h5")
            with open_recording(tmp_path / "so far.h5") as recording:
                assert np.asarray(recording.series(late[1]))[17, 39] == 1739
    writer.close(None)
    with open_recording(tmp_path / "a.h5") as recording:
        for channel, width in zip(late, widths.values(), strict=True):
            expected = np.arange(width) + 100 * np.arange(30)[:, None]
            np.testing.assert_array_equal(np.asarray(recording.series(channel)), expected)
            np.testing.assert_array_equal(recording.statistics(channel)[:, 0], np.arange(30))
    assert check(tmp_path / "a.h5").whole
