"""Conditions over a recording made by hand, whose numbers are known, and stopping at what meets them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.stops import parse_condition, parse_value
from dgmtui.session.stops.evaluating import Evaluator


@pytest.fixture
def session(a_run: Callable[..., Any]) -> Iterator[Session]:
    """40 iterations, loss 1, 1/2, 1/3, …; every 4th has a row; enc.b was not seen in the last ten rows."""
    run = a_run(every=4)
    run.go_on(20)
    run.go_on(20, unseen=("enc.b",))
    with open_recording(run.close()) as recording:
        yield Session(recording)


def met(session: Session, text: str) -> list[int]:
    term = parse_condition(session.recording, text)
    found: list[int] = Evaluator().outcome(session, term).met.tolist()
    return found


def statistic(session: Session, module: str, place: int) -> dict[int, float]:
    recording = session.recording
    channel = next(i for i, each in enumerate(recording.channels) if each.module == module)
    values = recording.statistics(channel)[:, place]
    return dict(zip(recording.rows.tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("loss > 0.3", lambda t, loss: loss > 0.3),
        ("loss >= 0.5", lambda t, loss: loss >= 0.5),
        ("0.3 < loss", lambda t, loss: loss > 0.3),
        ("iteration == 7", lambda t, loss: t == 7),
        ("iteration != 7 and iteration < 9", lambda t, loss: t != 7 and t < 9),
        ("iteration < 3 or iteration > 30 and iteration <= 32", lambda t, loss: t < 3 or 30 < t <= 32),
        ("(iteration < 3 or iteration > 30) and iteration <= 32", lambda t, loss: t < 3 or 30 < t <= 32),
        ("not not iteration < 3", lambda t, loss: t < 3),
        ("abs(iteration - 20) <= 2", lambda t, loss: abs(t - 20) <= 2),
        ("-iteration + 2 * 3 > 1 - 4 / 2", lambda t, loss: -t + 6 > -1),
        ("isfinite(loss) and iteration > 37", lambda t, loss: t > 37),
        ("loss > 1e-1", lambda t, loss: loss > 0.1),
        ("nonfinite", lambda t, loss: False),
    ],
)
def test_a_condition_holds_where_plain_python_says_so(
    session: Session, text: str, holds: Callable[[int, float], bool]
) -> None:
    assert met(session, text) == [t for t in range(40) if holds(t, 1.0 / (1 + t))]


def test_a_statistic_is_met_only_where_it_was_measured(session: Session) -> None:
    largest = statistic(session, "enc.a", 4)
    assert met(session, "enc.a.activation.absmax > 1") == [t for t, value in largest.items() if value > 1]
    assert met(session, "enc.a.activation.absmax > -1") == list(range(0, 40, 4))
    assert met(session, "enc.b.activation.absmax > -1") == list(range(0, 20, 4))
    assert met(session, "not enc.b.activation.absmax > -1") == []  # unmeasured is not false


def test_one_known_side_decides_where_the_other_was_not_measured(session: Session) -> None:
    assert met(session, "iteration < 3 or enc.a.activation.absmax > -1") == sorted({0, 1, 2, *range(0, 40, 4)})
    assert met(session, "not (iteration < 38 and enc.a.activation.absmax > -1)") == [38, 39]


def test_a_units_series_and_the_end_of_a_path(session: Session) -> None:
    recording = session.recording
    channel = next(i for i, each in enumerate(recording.channels) if each.module == "enc.a")
    values = np.asarray(recording.series(channel, "rms")[:, 3])
    expected = [t for t, value in zip(recording.rows.tolist(), values, strict=True) if value > 0.2]
    assert expected
    assert met(session, "enc.a[3].activation.rms > 0.2") == expected == met(session, "a[3].activation.rms > 0.2")


def test_without_a_module_it_is_the_largest_of_all(session: Session) -> None:
    columns = [statistic(session, module, 4) for module in ("enc.a", "enc.b", "dec")]
    largest = {t: np.nanmax([column[t] for column in columns]) for t in columns[0]}
    assert met(session, "activation.absmax > 2") == [t for t, value in largest.items() if value > 2]
    least = [statistic(session, module, 0) for module in ("enc.a", "enc.b", "dec")]
    assert met(session, "*.act.min < -1.5") == [
        t for t in columns[0] if np.nanmin([column[t] for column in least]) < -1.5
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("los > 3", "did you mean loss"),
        ("enc.c.activation.absmax > 3", "no module 'enc.c'"),
        ("enc.a.activaton.absmax > 3", "'activaton'"),
        ("enc.a.activation.absmx > 3", "did you mean absmax"),
        ("enc.a.activation > 3", "needs a statistic"),
        ("enc.a.weight.absmax > 3", "no recorded weight"),
        ("enc.a[5].activation.rms > 3", "units 0 to 4"),
        ("enc.a[x].activation.rms > 3", "no unit [x]"),
        ("enc.a[1].activation.norm > 3", "'norm'"),
        ("activation.mean > 3", "needs a module"),
        ("grad.absmax > 3", "no gradient is recorded"),
        ("loss", "compare it"),
        ("loss >", "missing after '>'"),
        ("> 3", "missing before '>'"),
        ("loss > 3 loss", "'loss' after '3'"),
        ("loss = 3", "== compares"),
        ("(loss > 3", "not closed"),
        ("loss > 3)", "')'"),
        ("1 < loss < 3", "second comparison"),
        ("loss and nonfinite", "'and' joins"),
        ("nonfinite > 3", "nonfinite is none"),
        ("abs(nonfinite) > 3", "'abs'"),
        ("loss ; 3", "';'"),
        ("__import__('os') > 3", "is nothing that is recorded"),
        ("", "needs a condition"),
        ("(" * 5000 + "loss", "too deep"),
        ("not " * 5000 + "nonfinite", "too deep"),
    ],
)
def test_what_is_wrong_is_refused_by_its_word(session: Session, text: str, word: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_condition(session.recording, text)
    assert word in str(error.value)


def test_a_value_at_the_cursor_is_the_last_measured_one(session: Session) -> None:
    evaluator, absmax = Evaluator(), statistic(session, "enc.b", 4)
    term = parse_value(session.recording, "enc.b.activation.absmax")
    assert evaluator.outcome(session, term).at(7) == (4, absmax[4])
    assert evaluator.outcome(session, term).at(39) == (16, absmax[16])


def run(session: Session, line: str) -> dict[str, Any]:
    return dict(REGISTRY.run(session, line).data)


def test_continue_goes_from_stop_to_stop_and_looks_at_the_module(session: Session) -> None:
    run(session, "goto 0")
    stops = [t for t, value in statistic(session, "enc.a", 4).items() if value > 1 and t > 0]
    assert run(session, "break enc.a.activation.absmax > 1")["number"] == 1
    for iteration in stops:
        told = run(session, "c")
        assert (told["iteration"], told["module"], told["breakpoints"]) == (iteration, "enc.a", [1])
    told = run(session, "continue")
    assert (told["iteration"], told["breakpoints"]) == (39, [])
    assert "no breakpoint is met after" in REGISTRY.run(session, "continue").blocks[0].text
    assert run(session, "continue --back")["iteration"] == stops[-1]


def test_a_temporary_breakpoint_is_met_once_a_disabled_one_never(session: Session) -> None:
    run(session, "goto 0")
    run(session, "tbreak iteration > 4")
    run(session, "break iteration == 9")
    run(session, "break iteration == 12")
    run(session, "disable 2")
    assert [run(session, "c")["iteration"] for _ in range(3)] == [5, 12, 39]
    assert [each["number"] for each in run(session, "breaks")["breakpoints"]] == [2, 3]
    run(session, "enable all")
    run(session, "goto 0")
    assert run(session, "c")["iteration"] == 9
    assert run(session, "clear 2")["breakpoints"][0]["number"] == 3
    with pytest.raises(UsageError, match="no breakpoint 2; there are 3"):
        run(session, "clear 2")
    assert run(session, "break iteration == 1")["number"] == 4  # a number is not given twice
    run(session, "clear all")
    assert run(session, "break iteration == 1")["number"] == 1


def test_until_stops_at_the_iteration_or_a_breakpoint_before_it(session: Session) -> None:
    run(session, "goto 0")
    run(session, "break iteration == 10")
    assert run(session, "until 20")["iteration"] == 10
    assert run(session, "until 20")["iteration"] == 20
    with pytest.raises(UsageError, match="goto 3"):
        run(session, "until 3")


def test_displays_are_told_at_every_stop(session: Session) -> None:
    run(session, "display loss * 2")
    run(session, "display enc.b.activation.absmax > 0")
    told = run(session, "goto 9")["display"]
    assert told == [
        {"number": 1, "expression": "loss * 2", "value": pytest.approx(0.2), "measured": 9},
        {"number": 2, "expression": "enc.b.activation.absmax > 0", "value": True, "measured": 8},
    ]
    run(session, "undisplay 1")
    assert [row.number for row in session.view().displays] == [2]
    with pytest.raises(UsageError, match="no display 1; there are 2"):
        run(session, "undisplay 1")
    run(session, "undisplay")
    assert "display" not in run(session, "goto 3")


def test_a_saved_session_stops_at_the_same_iterations(session: Session, tmp_path: Path) -> None:
    for line in (
        "goto 0",
        "break iteration == 10 or iteration == 12",
        "display loss",
        "c",
        f"save {tmp_path / 's.dgm'}",
    ):
        run(session, line)
    other = Session(session.recording)
    REGISTRY.run(other, f"source {tmp_path / 's.dgm'}")
    assert other.iteration == 10 and [row.text for row in other.view().displays] == ["loss"]
    assert run(other, "c")["iteration"] == 12


def test_what_comes_in_and_meets_a_breakpoint_stops_the_following(a_run: Callable[..., Any]) -> None:
    run_ = a_run(every=4)
    run_.go_on(20)
    with open_recording(run_.so_far()) as recording:
        session = Session(recording)
        run(session, "follow")
        run(session, "break loss < 0.04")
        run(session, "break loss > 0.9")  # met before: nothing new
        run_.go_on(10)
        run_.so_far()
        session.refresh()
        assert session.iteration == 25 and not session.following
        assert session.stops.take_said() == "iteration 25: breakpoint 1: loss < 0.04 (0.0384615); `follow` goes on"
        assert session.stops.take_said() == ""
        run(session, "goto -1")
        assert "following the run" in REGISTRY.run(session, "continue").blocks[0].text
        assert session.following and session.iteration == 29
    run_.close()
