"""``thresholds``: what decides whether something is a finding can be seen, changed and changed back."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.findings.adjusting import PATTERNS, ROOT_CAUSES, adjusted, known_thresholds
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.recording import open_recording
from dgmtui.session.session import Session

CNN = Path(__file__).parents[2] / "recordings" / "cnn.h5"


def test_each_threshold_says_what_it_decides_and_is_used_by_something() -> None:
    known = known_thresholds()
    assert [each.name for each in known] == [each.name for each in fields(Thresholds)]
    for each in known:
        assert each.meaning and each.default == getattr(DEFAULT, each.name)
        assert set(each.used_by) <= {*DETECTORS, ROOT_CAUSES, PATTERNS}
    by_name = {each.name: each for each in known}
    assert by_name["dead_share_warning"].used_by == ("dead_units",)
    assert by_name["cause_growth"].used_by == (ROOT_CAUSES,)


def test_a_changed_threshold_makes_the_findings_anew_and_is_part_of_the_script() -> None:
    with open_recording(CNN) as recording:
        session = Session(recording)
        (first,) = REGISTRY.run(session, "findings --quick").data["findings"]
        REGISTRY.run(session, "thresholds dead_share_warning 2")
        (stuck,) = REGISTRY.run(session, "findings --quick").data["findings"]
        assert (first["kind"], stuck["kind"]) == ("dead_units", "loss_stuck")
        (shown,) = REGISTRY.run(session, "thresholds dead_share_warning").data["thresholds"]
        assert (shown["value"], shown["default"]) == (2.0, 0.5)
        assert "thresholds dead_share_warning 2" in session.history
        again = Session(recording)
        for line in session.history:
            REGISTRY.run(again, line)
        assert again.ranks.thresholds == replace(DEFAULT, dead_share_warning=2.0)
        REGISTRY.run(session, "thresholds dead_share_warning default")
        assert REGISTRY.run(session, "findings --quick").data["findings"] == [first]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("dead_share", "1", "did you mean 'dead_share_error'"),
        ("dead_window_rows", "2.5", "a whole number"),
        ("dead_share_error", "-1", "a number from 0"),
        ("dead_share_error", "nan", "a number from 0"),
        ("__doc__", "1", "no threshold"),
    ],
)
def test_what_can_not_be_set_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        adjusted(DEFAULT, name, value)


def test_the_command_line_sets_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    from dgmtui.cli.look import run

    arguments = [str(CNN), "--json", "-c", "findings --quick", "--threshold"]
    assert run([*arguments, "dead_share_warning=2"]) == 0
    assert [each["kind"] for each in json.loads(capsys.readouterr().out)["findings"]] == ["loss_stuck"]
    for wrong in ("dead_share_warning", "=2", "nothing=2"):
        with pytest.raises(UsageError, match="threshold"):
            run([*arguments, wrong])
