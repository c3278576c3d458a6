import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.recording.series import StoredSeries
from dgmtui.sampling import Part, Sketch, place, sample
from dgmtui.sampling.sketch import MOST_COLUMNS, sketch

INFINITE = st.sampled_from([np.nan, np.inf, -np.inf])


@st.composite
def tables(draw):
    """A table whose rows are some of the iterations, with rows that were not seen and values that are not finite."""
    span = draw(st.integers(1, 400))
    every = draw(st.integers(1, 7))
    dense = draw(st.integers(0, 30))
    iterations = np.union1d(np.arange(draw(st.integers(0, 40)), span, every), np.arange(max(0, span - dense), span))
    rows, units = len(iterations), draw(st.integers(1, 5))
    values = np.random.default_rng(draw(st.integers(0, 99))).standard_normal((rows, units)).astype(np.float32)
    for _ in range(draw(st.integers(0, 3)) if rows else 0):
        values[draw(st.integers(0, rows - 1)), draw(st.integers(0, units - 1))] = draw(INFINITE)
    absent = np.random.default_rng(draw(st.integers(0, 99))).random(rows) < draw(st.sampled_from([0, 0.2, 1]))
    return Part(values, iterations.astype(np.int64), absent if absent.any() else None)


def seen(part):
    return np.ones(len(part.iterations), bool) if part.absent is None else ~part.absent


def same(a, b):
    return (
        np.array_equal(a.extremes, b.extremes, equal_nan=True)
        and np.array_equal(a.edges, b.edges)
        and a.nonfinite == b.nonfinite
        and np.array_equal(a.usable, b.usable)
    )


@settings(max_examples=60)
@given(parts=st.lists(tables(), min_size=1, max_size=3), cuts=st.lists(st.integers(1, 400), max_size=6))
def test_what_grew_row_by_row_is_what_is_sketched_at_once(parts, cuts):
    stop = max((int(p.iterations[-1]) + 1 for p in parts if len(p.iterations)), default=1)
    grown = Sketch(parts, 0, 1)
    for cut in sorted(min(cut, stop) for cut in [*cuts, stop]):
        until = [int(np.searchsorted(p.iterations, cut)) for p in parts]
        grown.grow(cut)
        grown.read(
            [
                Part(p.series[:n], p.iterations[:n], None if p.absent is None else p.absent[:n])
                for p, n in zip(parts, until, strict=True)
            ]
        )
        grown.columns()
    assert same(grown.columns(), sketch(parts, 0, stop))


@settings(max_examples=60)
@given(part=tables(), data=st.data())
def test_columns_hold_the_extremes_of_their_iterations(part, data):
    last = int(part.iterations[-1]) + 1 if len(part.iterations) else 1
    start = data.draw(st.integers(0, last - 1))
    stop = data.draw(st.integers(start + 1, last))
    made = sketch([part], start, stop)
    count = len(made.edges) - 1
    assert count <= MOST_COLUMNS
    inside = seen(part) & (part.iterations >= start) & (part.iterations < stop)
    bad = {}
    for j in range(count):
        rows = part.series[inside & (part.iterations >= made.edges[j]) & (part.iterations < made.edges[j + 1])]
        assert len(rows)
        assert np.array_equal(made.extremes[j], rows.min(axis=0), equal_nan=True)
        assert np.array_equal(made.extremes[count + j], rows.max(axis=0), equal_nan=True)
    for row in np.flatnonzero(inside):
        for unit in np.flatnonzero(~np.isfinite(part.series[row])):
            bad.setdefault(int(unit), int(part.iterations[row]))
    assert dict(made.nonfinite) == bad
    assert made.usable.tolist() == [bool(inside.any()) and unit not in bad for unit in range(part.units)]


@pytest.mark.parametrize(("units", "storage"), [(1000, {}), (9001, {}), (2048, {}), (3000, {"compression": "lzf"})])
def test_chunks_as_they_lie_give_what_slices_give(tmp_path, units, storage):
    values = np.random.default_rng(0).standard_normal((200, units)).astype(np.float32)
    values[77, 5], values[199, units - 1] = np.nan, np.inf
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        stored = StoredSeries(
            file.create_dataset("s", data=values, chunks=(64, min(1024, units)), **storage), 200, path, file
        )
        iterations = np.arange(200)
        for start, stop in ((0, 200), (7, 131), (64, 128), (199, 200)):
            assert same(
                sketch([Part(stored, iterations)], start, stop), sketch([Part(values, iterations)], start, stop)
            )


def test_chunks_that_were_never_written_are_zeros(tmp_path):
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("s", (128, 4096), "f4", chunks=(64, 1024))
        dataset[:64, 1024:2048] = 3
        made = sketch([Part(StoredSeries(dataset, 128, path, file), np.arange(128))], 0, 64)
    assert made.highest[[0, 1023, 1024, 2047, 2048, 4095]].tolist() == [0, 0, 3, 3, 0, 0]


def test_several_tables_are_one_population():
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((90, n), dtype=np.float32) for n in (30, 50))
    b[40, 3] = np.inf
    apart = [Part(a, np.arange(90)), Part(b, np.arange(90))]
    made, whole = sample(apart, 20, seed=4), sample(np.hstack([a, b]), 20, seed=4)
    assert made.indices.tolist() == whole.indices.tolist()
    assert made.nonfinite == whole.nonfinite == ((33, 40),)
    assert (place(apart, 29), place(apart, 33)) == ((0, 29), (1, 3))
    with pytest.raises(IndexError):
        place(apart, 80)


def test_a_table_with_no_row_in_the_window_is_not_drawn():
    early = Part(np.ones((5, 3), np.float32), np.arange(5))
    late = Part(np.ones((5, 2), np.float32) * 2, np.arange(100, 105))
    made = sample([early, late], 9, window=(50, 105))
    assert made.indices.tolist() == [3, 4]
    assert (made.total, made.nonfinite) == (5, ())


def test_what_reading_tells_goes_up_and_can_stop_it():
    part = Part(np.zeros((3000, 9000), np.float32), np.arange(3000))
    told = []
    sketch([part, part], 0, 3000, told.append)
    assert told == sorted(told)
    assert len(told) > 4
    assert 0 <= told[0] <= told[-1] <= 1

    class Enough(Exception):
        pass

    def stop(share):
        if share > 0.3:
            raise Enough

    with pytest.raises(Enough):
        sketch([part], 0, 3000, stop)
