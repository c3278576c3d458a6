"""Charts that take a while: what is shown meanwhile, who makes them, what stops that, and what a run adds to them."""

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recording import open_recording
from dgmtui.sampling import sketch
from dgmtui.session.asked import asked_of
from dgmtui.session.sampling import CANCELLED, Wish
from dgmtui.session.session import Session
from dgmtui.trace.progress import Progress


@pytest.fixture(autouse=True)
def everything_takes_a_while(monkeypatch):
    monkeypatch.setattr("dgmtui.session.dynamics.AT_ONCE", -1)


@pytest.fixture
def session(a_run):
    run = a_run(units={"enc.a": 300, "dec": 200})
    run.go_on(60, bad={"enc.a": {9: np.nan}})
    with open_recording(run.close()) as recording:
        session = Session(recording)
        session.select_module("enc.a")
        yield session


def seen(session):
    chart = session.view().dynamics
    assert chart is not None
    return chart


def refined(session):
    assert session.sampling_due
    session.refine_chart()
    return seen(session)


class Elsewhere:
    """``refine_chart`` in a thread of its own."""

    def __init__(self, session):
        self.thread = threading.Thread(target=session.refine_chart)
        self.thread.start()

    def over(self):
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def slowly(session, slow, monkeypatch):
    """A session whose series wait to be read."""
    series = slow(np.random.default_rng(0).normal(size=(60, 300)).astype(np.float32))
    monkeypatch.setattr(session.recording, "series", lambda channel, measure=None: series)
    series.go.clear()
    return session, series


def test_at_first_there_is_nothing_but_the_promise(session):
    chart = seen(session)
    assert (chart.lines, chart.preliminary, chart.total) == ((), True, 300)
    chart = refined(session)
    assert not chart.preliminary and len(chart.lines) == 41 and not session.sampling_due


def test_a_zoom_shows_the_old_picks_first_and_then_the_refined(session):
    seen(session)
    whole = refined(session)
    session.show_window((10, 30))
    first = seen(session)
    assert first.preliminary and first.iterations.tolist() == list(range(10, 30))
    assert [line.unit for line in first.lines] == [line.unit for line in whole.lines]
    np.testing.assert_array_equal(first.lines[3].values, whole.lines[3].values[10:30])
    assert {line.kind for line in first.lines if line.unit == 9} == {"cover"}, "it is finite in this window"
    second = refined(session)
    assert not second.preliminary and second.nonfinite == 0
    kept = {line.unit for line in second.lines} & {line.unit for line in whole.lines}
    assert len(kept) > len(second.lines) / 4, "lines stay"


def test_out_of_a_window_the_old_picks_are_read_again(session):
    session.show_window((10, 30))
    seen(session)
    small = refined(session)
    session.show_window(None)
    whole = seen(session)
    assert whole.preliminary and len(whole.iterations) == 60
    assert all(np.isfinite(line.values).all() for line in whole.lines if line.unit != 9)
    assert [line.unit for line in whole.lines] == [line.unit for line in small.lines]


def test_another_unit_or_cursor_restarts_nothing(slowly):
    session, series = slowly
    seen(session)
    work = Elsewhere(session)
    assert series.reading.wait(20)
    for iteration in range(5):
        session.go_to(iteration)
        session.select_unit(iteration)
        assert seen(session).preliminary and not session.sampling_due
    reads = series.reads
    series.go.set()
    work.over()
    assert reads == 1 and series.most_at_once == 1
    chart = seen(session)
    assert not chart.preliminary, "the unit that was chosen meanwhile is in it"
    assert next(line for line in chart.lines if line.unit == 4).kind == "selected"


def test_another_number_or_scale_makes_use_of_what_is_being_read(slowly, monkeypatch):
    session, series = slowly
    seen(session)
    work = Elsewhere(session)
    assert series.reading.wait(20)
    session.drawn = replace(session.drawn, k=7, scale="symlog")
    seen(session)
    series.go.set()
    work.over()
    chart = seen(session)
    assert (chart.preliminary, chart.scale, len(chart.lines)) == (False, "symlog", 7)


def test_another_window_stops_it(slowly):
    session, series = slowly
    seen(session)
    work = Elsewhere(session)
    assert series.reading.wait(20)
    session.show_window((0, 20))
    seen(session)
    assert not session.sampling_due, "never two at once"
    series.go.set()
    work.over()
    assert refined(session).iterations.tolist() == list(range(20))
    assert series.most_at_once == 1


def test_cancelled_it_says_so_until_it_is_asked_for_again(slowly):
    session, series = slowly
    seen(session)
    work = Elsewhere(session)
    assert series.reading.wait(20)
    assert session.sampling == (0.0, "sampling 300 series")
    session.cancel_sampling()
    series.go.set()
    work.over()
    session.go_to(3)
    assert (seen(session).preliminary, seen(session).advice, session.sampling_due) == (True, CANCELLED, False)
    REGISTRY.run(session, "dynamics")
    assert seen(session).advice == "" and refined(session).lines


def test_what_cannot_be_read_is_a_sentence(session, monkeypatch):
    def damaged(channel, measure=None):
        raise RecordingError("run.h5 is damaged; record again.")

    seen(session)
    with monkeypatch.context() as patched:
        patched.setattr(session.recording, "series", damaged)
        session.refine_chart()
    chart = seen(session)
    assert (chart.advice, chart.preliminary, session.sampling_due) == ("run.h5 is damaged; record again.", False, False)
    REGISTRY.run(session, "dynamics")
    assert refined(session).lines


def test_a_defect_does_not_begin_again_for_ever(session, monkeypatch):
    seen(session)
    monkeypatch.setattr("dgmtui.session.making.pick", lambda *_a, **_o: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.refine_chart()
    assert seen(session).advice and not session.sampling_due


def test_in_batch_it_is_made_at_once_with_progress(session):
    told = []
    batch = Session(session.recording, progress_factory=lambda: Progress(lambda *s: told.append(s)), thorough=True)
    for line in ("module enc.a", "dynamics --scale symlog"):
        result = REGISTRY.run(batch, line)
    assert len(result.data["lines"]) == 41
    assert {text for _, text in told} == {"sampling 300 series"} and told[-1][0] == 1.0
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_a_script_gets_whole_charts(session, tmp_path):
    script = tmp_path / "look.dgm"
    script.write_text("dynamics -k 3\n")
    result = REGISTRY.run(session, f"source {script}")
    assert not session.sampling_due and not seen(session).preliminary, result


def test_columns_are_not_kept_beyond_the_budget(session, monkeypatch):
    monkeypatch.setattr("dgmtui.session.making.COLUMN_BYTES", 1000)
    seen(session)
    first = refined(session)
    session.drawn = replace(session.drawn, overlay="density")
    seen(session)
    assert [line.unit for line in refined(session).lines] == [line.unit for line in first.lines]


@pytest.mark.parametrize("overlay", ["none", "density"])
def test_a_run_that_goes_on_is_sampled_as_from_scratch(a_run, tmp_path, overlay):
    run = a_run(units={"enc.a": 60, "enc.b": 30}, every=2)
    run.go_on(11)
    with open_recording(run.so_far()) as recording:
        session = Session(recording)
        session.select_module("enc")
        session.drawn = replace(session.drawn, scope="below", overlay=overlay)
        session.charts.wish = Wish(clock=lambda: 0.0)
        rows = 0
        for step in (3, 40, 1, 200):
            run.go_on(step, unseen=("enc.b",) if step == 40 else (), bad={"enc.a": {step % 60: np.inf}})
            run.so_far()
            session.refresh()
            seen(session)
            grown = refined(session)
            with open_recording(shutil.copy(recording.path, tmp_path / "again.h5")) as again:
                fresh = Session(again)
                fresh.select_module("enc")
                fresh.drawn = session.drawn
                mine, other = columns_of(session), columns_of(fresh)
            for name in ("extremes", "edges", "usable", "lowest", "highest"):
                np.testing.assert_array_equal(getattr(mine, name), getattr(other, name))
            assert mine.nonfinite == other.nonfinite
            assert len(grown.iterations) > rows
            rows = len(grown.iterations)
    run.close()


def columns_of(session):
    maker, asked = session.charts._maker, asked_of(session)
    if maker._columns.get(asked.sketch_key) is None:
        maker.make(asked, lambda share: None)
    return maker._columns.get(asked.sketch_key).columns


def test_only_new_rows_of_a_run_are_read(a_run, monkeypatch):
    run = a_run(units={"enc.a": 60})
    run.go_on(50)
    with open_recording(run.so_far()) as recording:
        session = Session(recording)
        session.select_module("enc.a")
        seen(session)
        refined(session)
        begins = []
        real = sketch.tiles
        monkeypatch.setattr(
            sketch, "tiles", lambda series, start, *rest: (begins.append(start), real(series, start, *rest))[1]
        )
        run.go_on(5)
        run.so_far()
        session.refresh()
        before = seen(session)
        assert len(before.iterations) == 50 and not before.preliminary, "nobody is told to wait for the last rows"
        session.refine_chart()
        assert begins == [50] and len(seen(session).iterations) == 55
    run.close()


def test_a_file_that_was_rewritten_is_read_anew(session):
    seen(session)
    refined(session)
    session.recording.generation += 1
    assert seen(session).lines == () and refined(session).lines


def test_a_run_that_goes_on_leaves_time_between():
    now = [0.0]
    wish = Wish(clock=lambda: now[0])
    first, grown = _Asked("a", 1), _Asked("a", 2)
    wish.want(first)
    run = wish.begin()
    now[0] = 2.0
    wish.end(run, first)
    wish.want(grown)
    assert not wish.due
    now[0] = 9.0
    assert wish.due
    wish.want(_Asked("b", 1))
    now[0] = 3.0
    assert wish.due, "another chart does not wait"


class _Asked:
    def __init__(self, wish, rows):
        self.wish = self.sketch_key = self.chart_key = wish
        self.rows = rows
