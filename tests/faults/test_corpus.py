"""Each script of the corpus, recorded with the defaults: the root cause comes first, and nothing false is said."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.run import running
from faults.score import Score, judge
from faults.truth import corpus

TRUTHS = {truth.name: truth for truth in corpus()}
KNOWN = tomllib.loads((Path(__file__).parent / "known_misses.toml").read_text())


@pytest.fixture(scope="module")
def judged(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Score]]:
    """The score of a script; those that this session asks for are recorded meanwhile, on all cores."""
    selected = {
        item.callspec.params["name"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    with running() as at_work:
        outcomes = {name: at_work.submit(truth) for name, truth in TRUTHS.items() if name in selected}
        yield lambda name: judge(TRUTHS[name], outcomes[name].result())


def test_known_misses_are_of_the_corpus() -> None:
    assert {name for listed in KNOWN.values() for name in listed} <= TRUTHS.keys()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TRUTHS)
def test_the_root_cause_is_first_and_nothing_is_false(name: str, judged: Callable[[str], Score]) -> None:
    score = judged(name)
    right = {"first": score.first, "listed": score.listed, "false_alarms": not score.false_alarms}
    expected = {part: name not in KNOWN[part] for part in right}
    if score.truth.healthy:
        right, expected = {"false_alarms": right["false_alarms"]}, {"false_alarms": expected["false_alarms"]}
    assert right == expected, "\n".join((score.said, *score.false_alarms))
