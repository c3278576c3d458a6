"""The scripts of the corpus, recorded with the defaults: the root cause comes first, and nothing false is said."""

import tomllib
from pathlib import Path

import pytest

from faults.run import running
from faults.score import Score, judge
from faults.truth import corpus

KNOWN = tomllib.loads((Path(__file__).parent / "known_misses.toml").read_text())
ROUNDED_OTHERWISE = 4
"""Of so many scripts more than are known the answer may differ: another machine rounds otherwise, and a training that
then goes another way fails at another iteration than the one in its truth, or not at all."""


def test_known_misses_are_of_the_corpus() -> None:
    assert {name for listed in KNOWN.values() for name in listed} <= {truth.name for truth in corpus()}


@pytest.mark.timeout(1200)
def test_root_causes_are_first_and_nothing_is_false() -> None:
    with running() as at_work:
        outcomes = [(truth, at_work.submit(truth)) for truth in corpus()]
        scores = [judge(truth, outcome.result()) for truth, outcome in outcomes]
    wrong = [told for score in scores if (told := _wrong(score))]
    assert len(wrong) <= ROUNDED_OTHERWISE, "\n\n".join(wrong)


def _wrong(score: Score) -> str:
    """What is not as it should be, or is known to be; empty where all is."""
    name = score.truth.name
    first = score.truth.healthy or score.first or name in KNOWN["first"]
    listed = score.truth.healthy or score.listed or name in KNOWN["listed"]
    quiet = not score.false_alarms or name in KNOWN["false_alarms"]
    return "" if first and listed and quiet else "\n".join((f"{name}: {score.said}", *score.false_alarms))
