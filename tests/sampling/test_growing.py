"""A sketch that grows with its run equals the one of the whole, bit for bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.sampling import Part, Sketch


def part_of(random, iterations, units, late):
    series = random.standard_normal((len(iterations), units)).astype(np.float32)
    absent = (random.random(len(iterations)) < 0.2) | (iterations < late)
    series[absent] = np.nan
    series[random.random(series.shape) < 0.002] = np.inf
    return Part(series, iterations, absent)


def until(part, stop):
    rows = int(np.searchsorted(part.iterations, stop))
    absent = None if part.absent is None else part.absent[:rows]
    return Part(part.series[:rows], part.iterations[:rows], absent)


@settings(max_examples=150)
@given(data=st.data(), seed=st.integers(0, 2**31), last=st.integers(1, 400), start=st.integers(0, 50))
def test_grown_step_by_step_equals_from_scratch(data, seed, last, start):
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(data.draw(st.integers(1, 3))):
        every = data.draw(st.integers(1, 7))
        late = data.draw(st.integers(0, last))
        parts.append(part_of(random, np.arange(0, last, every, dtype=np.int64), data.draw(st.integers(1, 5)), late))
    stops = sorted(data.draw(st.sets(st.integers(start + 1, start + last), max_size=6)) | {start + last})
    grown = Sketch([until(part, stops[0]) for part in parts], start, stops[0])
    for stop in stops:
        seen = [until(part, stop) for part in parts]
        grown.grow(stop)
        grown.read(seen)
        whole = Sketch(seen, start, stop)
        whole.read(seen)
        one, other = grown.columns(), whole.columns()
        for name in ("extremes", "edges", "usable", "lowest", "highest"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert one.nonfinite == other.nonfinite


def test_a_read_that_was_stopped_can_be_taken_up_again():
    part = Part(np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32), np.arange(500))
    sketch, whole = Sketch([part], 0, 500), Sketch([part], 0, 500)

    def stop(share):
        if share > 0.3:
            raise InterruptedError

    try:
        sketch.read([part], stop)
    except InterruptedError:
        pass
    sketch.read([part])
    whole.read([part])
    np.testing.assert_array_equal(sketch.columns().extremes, whole.columns().extremes)
