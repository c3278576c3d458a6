"""The dynamics chart of a recording: its populations, its fields, and what is asked of it that can't be drawn."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.sampling import Part
from dgmtui.session import dynamics as dynamics_module
from dgmtui.session.lines import grid_of, read_lines, thin
from dgmtui.session.session import Session


@pytest.fixture
def written(a_run):
    run = a_run()
    run.go_on(30)
    run.go_on(10, bad={"enc.b": {4: np.inf}})
    run.go_on(5, unseen=("enc.a",))
    return run.close()


def chart_of(session, module="enc.a", **drawn):
    session.select_module(module)
    session.drawn = replace(session.drawn, **drawn)
    chart = session.view().dynamics
    assert chart is not None
    return chart


def test_a_module_alone(written):
    with open_recording(written) as recording:
        chart = chart_of(Session(recording), "enc.b")
    assert (chart.total, chart.nonfinite, chart.preliminary) == (7, 1, False)
    assert {line.label for line in chart.lines} == {f"[{unit}]" for unit in range(7)}
    (bad,) = [line for line in chart.lines if line.kind == "nonfinite"]
    assert (bad.unit, bad.first_nonfinite, bad.module, bad.rank) == (4, 39, "enc.b", 0)
    assert chart.limits is not None and chart.limits[0] < 0 < chart.limits[1]


def test_all_below_a_module_each_by_its_name(written):
    with open_recording(written) as recording:
        session = Session(recording)
        chart = chart_of(session, "enc", scope="below")
        assert chart.total == 12
        assert {line.label for line in chart.lines} == {f"enc.a[{u}]" for u in range(5)} | {
            f"enc.b[{u}]" for u in range(7)
        }
        assert chart.iterations.tolist() == list(range(45)), "what one part did not see, the other did"
        line = next(line for line in chart.lines if line.label == "enc.a[2]")
        assert np.isfinite(line.values[:40]).all() and np.isnan(line.values[40:]).all()
        assert line.first_nonfinite is None and chart.nonfinite == 1
        assert chart_of(session, "", scope="below").total == 15
        assert chart_of(session, "dec", scope="below").total == 3


def test_all_ranks(a_run):
    paths = []
    for rank in range(2):
        run = a_run(f"run.rank{rank}.h5", rank=rank, ranks=2, every=1 + rank)
        run.go_on(20 + 10 * rank)
        paths.append(run.close())
    with open_recording(paths) as recording:
        session = Session(recording)
        chart = chart_of(session, "dec", scope="ranks")
        assert chart.total == 6
        assert {line.label for line in chart.lines} == {f"rank {r} [{u}]" for r in (0, 1) for u in range(3)}
        assert chart.iterations.tolist() == sorted({*range(20), *range(0, 30, 2)})
        lines = {(line.rank, line.unit): line.values for line in chart.lines}
        assert np.isfinite(lines[0, 1][:20]).all() and np.isnan(lines[0, 1][20:]).all()
        assert np.isnan(lines[1, 1][1]) and np.isfinite(lines[1, 1][-1])
        session.select_rank(1)
        session.select_unit(2)
        kinds = {(line.rank, line.unit): line.kind for line in chart_of(session, "dec", scope="ranks").lines}
        assert kinds[1, 2] != "selected", "choosing the module again lets go of the unit"
        session.select_unit(2)
        kinds = {(line.rank, line.unit): line.kind for line in session.view().dynamics.lines}
        assert kinds[1, 2] == "selected" and kinds[0, 2] != "selected"


def test_a_module_met_late_is_part_of_what_is_below(a_run):
    run = a_run()
    run.go_on(10)
    run.meet_late()
    run.go_on(10)
    with open_recording(run.close()) as recording:
        chart = chart_of(Session(recording), "enc", scope="below")
    assert (chart.total, chart.nonfinite) == (14, 0)
    late = next(line for line in chart.lines if line.label == "enc.late[1]")
    assert np.isnan(late.values[:10]).all() and np.isfinite(late.values[10:]).all()


def test_of_a_run_that_goes_on_no_chart_stays_in_memory_but_the_last(a_run):
    run = a_run()
    run.go_on(10)
    with open_recording(run.so_far()) as recording:
        session = Session(recording)
        before = weakref.ref(chart_of(session, "enc.a", overlay="bands"))
        lines = weakref.ref(before().lines[0].values)
        run.go_on(10)
        run.so_far()
        session.refresh()
        assert len(session.view().dynamics.iterations) == 20
        gc.collect()
        assert (before(), lines()) == (None, None)
    run.close()


def test_limits_clip_and_are_the_axis(written):
    with open_recording(written) as recording:
        chart = chart_of(Session(recording), "enc.a", limits=(-0.1, 0.1))
    assert chart.limits == (-0.1, 0.1)
    assert chart.clipped == 5 and all(line.clipped for line in chart.lines)


def test_the_bend_is_that_of_the_sample(written):
    with open_recording(written) as recording:
        chart = chart_of(Session(recording), "enc.a", scale="symlog")
    assert 0 < chart.bend < 1


@pytest.mark.parametrize("overlay", ["none", "density", "bands"])
def test_a_backdrop_is_made_where_it_is_asked_for(written, overlay):
    with open_recording(written) as recording:
        backdrop = chart_of(Session(recording), "enc.b", overlay=overlay).backdrop
    if overlay == "none":
        assert backdrop is None
        return
    assert backdrop is not None
    assert (backdrop.density is None, backdrop.bands is None) == (overlay != "density", overlay != "bands")
    if backdrop.density is not None:
        assert backdrop.density.shape == (len(backdrop.edges) - 1, 200) and backdrop.density.max() <= 6


def test_a_crowded_linear_chart_advises_another_scale(a_run):
    run = a_run(units={"dec": 400})
    run.go_on(20, bad={"dec": {7: 1e6}})
    with open_recording(run.close()) as recording:
        session = Session(recording)
        assert "`dynamics --scale symlog`" in chart_of(session, "dec").advice
        assert chart_of(session, "dec", scale="symlog").advice == ""


def test_another_unit_is_added_to_the_same_picks_without_reading_all(a_run, monkeypatch):
    run = a_run(units={"dec": 300})
    run.go_on(20)
    with open_recording(run.close()) as recording:
        session = Session(recording)
        before = chart_of(session, "dec")
        forbid(monkeypatch)
        session.select_unit(next(u for u in range(300) if u not in {line.unit for line in before.lines}))
        after = session.view().dynamics
    assert [line.unit for line in after.lines[:-1]] == [line.unit for line in before.lines]
    assert (after.lines[-1].kind, after.lines[-1].unit) == ("selected", session.unit)


def test_another_scale_number_limit_or_backdrop_reads_no_columns(a_run, monkeypatch):
    run = a_run(units={"dec": 300})
    run.go_on(20)
    with open_recording(run.close()) as recording:
        session = Session(recording)
        chart_of(session, "dec")
        monkeypatch.setattr("dgmtui.sampling.sketch.tiles", _no_reading)
        for drawn in (
            {"k": 7},
            {"scale": "symlog"},
            {"limits": (-1.0, 1.0)},
            {"overlay": "density"},
            {"overlay": "bands"},
        ):
            assert chart_of(session, "dec", **drawn).lines


def forbid(monkeypatch):
    for name in ("Sketch", "pick"):
        monkeypatch.setattr(f"dgmtui.session.making.{name}", _no_reading)


def _no_reading(*_args, **_options):
    raise AssertionError("the file is read, or picked from, again")


@pytest.mark.parametrize("window", [(500, 600), (44, 45), (0, 1), (20, 10**9)])
@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_any_window_is_a_picture_or_a_sentence(written, window, scale):
    with open_recording(written) as recording:
        session = Session(recording)
        chart = chart_of(session, "enc.a", window=window, scale=scale, overlay="density")
        assert chart.lines or "`dynamics --whole`" in chart.advice
        assert all(len(line.values) == len(chart.iterations) for line in chart.lines)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
@pytest.mark.parametrize("value", [np.inf, np.nan, -np.inf, 0.0, 1e-45, 3.4e38])
def test_odd_values_are_a_picture(a_run, value, scale):
    run = a_run(units={"dec": 250})
    for _ in range(4):
        run.go_on(1, bad={"dec": dict.fromkeys(range(250), value)})
    with open_recording(run.close()) as recording:
        chart = chart_of(Session(recording), "dec", scale=scale, overlay="density", k=500)
    assert chart.total == 250
    if np.isfinite(value):
        assert chart.lines and not chart.nonfinite
    else:
        assert (len(chart.lines), chart.nonfinite) == (250, 250), "k is more than the usual most"
    assert chart.limits is None


def test_of_many_nonfinite_series_the_first_are_drawn_and_all_counted(a_run):
    run = a_run(units={"dec": 250})
    run.go_on(3)
    run.go_on(1, bad={"dec": dict.fromkeys(range(0, 250, 2), np.nan)})
    run.go_on(1, bad={"dec": dict.fromkeys(range(250), np.inf)})
    with open_recording(run.close()) as recording:
        session = Session(recording)
        session.select_module("dec")
        session.select_unit(249)
        chart = session.view().dynamics
    assert chart.nonfinite == 250 and len(chart.lines) == 101
    assert {line.unit for line in chart.lines if line.kind == "nonfinite"} == set(range(0, 200, 2))
    assert (chart.lines[-1].kind, chart.lines[-1].first_nonfinite) == ("selected", 4)
    assert chart.limits is not None, "the values before are seen"


def test_one_unit_one_row(a_run):
    run = a_run(units={"dec": 1})
    run.go_on(1)
    with open_recording(run.close()) as recording:
        chart = chart_of(Session(recording), "dec", overlay="bands")
    assert len(chart.lines) == 1 and chart.lines[0].values.shape == (1,)


def test_a_damaged_series_is_a_sentence_and_the_rest_of_the_view_is_there(written):
    import h5py

    with h5py.File(written, "r+") as file:
        file[_series_path(file)].resize(3, axis=0)
    with open_recording(written) as recording:
        session = Session(recording)
        session.select_module("enc.b")
        view = session.view()
        assert view.dynamics is not None and view.tree and "damaged" in view.dynamics.advice
        session.select_module("dec")
        assert session.view().dynamics.lines


def _series_path(file):
    found = []
    file["series"].visit(found.append)
    return "series/" + next(path for path in found if path.startswith("1") and "mean" in path)


def test_lines_on_a_common_grid_keep_every_extreme():
    random = np.random.default_rng(0)
    parts = [
        Part(random.normal(size=(9000, 3)).astype(np.float32), np.arange(0, 9000)),
        Part(random.normal(size=(4500, 2)).astype(np.float32), np.arange(0, 9000, 2), random.random(4500) < 0.3),
    ]
    parts[1].series[parts[1].absent] = np.nan
    grid = grid_of(parts, [0, 1], (0, 9000))
    values = read_lines(parts, [(0, 1), (1, 0), (0, 2)], grid, (0, 9000))
    assert values.shape == (4096, 3) and len(grid.iterations) == 4096 and (np.diff(grid.iterations) > 0).all()
    iterations, alone = thin(parts[0].iterations, parts[0].series)
    np.testing.assert_array_equal(iterations, grid.iterations)
    np.testing.assert_array_equal(values[:, [0, 2]], alone[:, [1, 2]])
    seen = parts[1].series[~parts[1].absent, 0]
    assert np.nanmax(values[:, 1]) == seen.max() and np.nanmin(values[:, 1]) == seen.min()


@pytest.mark.parametrize("most", [1, 100, 10**9])
def test_lines_do_not_depend_on_how_much_is_held(monkeypatch, most):
    monkeypatch.setattr("dgmtui.session.lines.BLOCK_VALUES", most)
    series = np.random.default_rng(0).normal(size=(9000, 4)).astype(np.float32)
    part = Part(series, np.arange(9000))
    grid = grid_of([part], [0], (1000, 9000))
    values = read_lines([part], [(0, u) for u in (3, 0)], grid, (1000, 9000))
    np.testing.assert_array_equal(values, thin(part.iterations[1000:], series[1000:])[1][:, [3, 0]])


def test_a_small_chart_is_made_at_once(written):
    with open_recording(written) as recording:
        session = Session(recording)
        assert not chart_of(session, "enc.a").preliminary and not session.sampling_due
        assert dynamics_module.AT_ONCE > 1_000_000


def test_a_window_without_rows_is_a_sentence_in_batch(written):
    with open_recording(written) as recording:
        session = Session(recording, thorough=True)
        session.select_module("dec")
        with pytest.raises(UsageError, match="no row was recorded in iterations 500 to 600; `dynamics --whole`"):
            REGISTRY.run(session, "dynamics --window 500 600")
        assert REGISTRY.run(session, "dynamics --whole").data["lines"]


def test_very_many_modules_are_read_together(a_run, monkeypatch):
    monkeypatch.setattr("dgmtui.session.seen.TOGETHER", 1)
    monkeypatch.setattr("dgmtui.session.seen.BLOCK", 7)
    run = a_run()
    run.go_on(20)
    run.meet_late()
    run.go_on(10, unseen=("enc.a",))
    with open_recording(run.close()) as recording:
        session = Session(recording)
        session.select_module("enc")
        session.drawn = replace(session.drawn, scope="below", window=(5, 25))
        chart = session.view().dynamics
    assert (chart.total, chart.nonfinite) == (14, 0)
    first = next(line for line in chart.lines if line.label == "enc.a[0]")
    assert np.isfinite(first.values).sum() == 15
