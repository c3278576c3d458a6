"""The table that the bench writes into the README counts what the scores say."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.score import Score
from faults.truth import Truth


def score_of(name: str, kind: str, *, first: bool, listed: bool = True, alarms: tuple[str, ...] = ()) -> Score:
    theme, _, stem = name.partition("/")
    truth = Truth(
        Path(theme) / f"{stem}.py",
        kind,
        frozenset(),
        {},
        {},
        frozenset(),
        "https://example.org",
        "it failed",
        "planted",
    )
    return Score(truth, first, listed, "error loss_stuck at 3: stuck", alarms, thinned=stem == "right")


JUDGED = [
    score_of("numeric/right", "nonfinite", first=True),
    score_of("numeric/wrong", "nonfinite", first=False, alarms=("error dead_units",)),
    score_of("data/missed", "bad_input", first=False, listed=False),
    score_of("healthy/plain", "none", first=True),
    score_of("healthy/odd", "none", first=False, alarms=("error loss_stuck",)),
]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench, whose scripts were judged already."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent.parent / "benchmarks"), *sys.path])
    module = importlib.import_module("bench_findings")
    monkeypatch.setattr(module, "corpus", list)
    monkeypatch.setattr(module, "scores", lambda truths, options, small: JUDGED)
    return module


def test_a_theme_is_a_row_and_each_miss_is_named(bench: Any, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n")
    bench.write_readme(readme)
    lines = readme.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert "| numeric | 2 | 1, 2 (1) | 1, 2 (1) | 1, 2 (1) |" in lines
    assert "| **all faulty** | 3 | 1, 2 (1) | 1, 2 (1) | 1, 2 (1) |" in lines
    assert "| healthy: false alarms | 2 | 1 | 1 | 1 |" in lines
    assert "Thinned to keep to `--max-size`: 1 of 5." in lines
    assert "defaults, not first: `numeric/wrong`, `data/missed`." in lines
    assert "defaults, false alarms: `numeric/wrong`, `healthy/odd`." in lines


def test_a_readme_without_markers_is_left_alone(bench: Any, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing here\n")
    with pytest.raises(ValueError, match="scores: begin"):
        bench.write_readme(readme)
    assert readme.read_text() == "nothing here\n"


def test_the_bench_misses_its_goals_where_the_findings_are_wrong(
    bench: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {(row.area, row.what): row for row in bench.rows()}
    first = rows["findings, defaults", "all: root cause first"]
    assert (round(first.ours, 1), first.met, first.note) == (33.3, False, "1 of 3")
    assert rows["findings, --every 100", "healthy: with a false alarm"].met is False
    assert rows["findings, --max-size small", "recordings that were thinned"].note == "1 of 5"
    printed = capsys.readouterr().out
    assert "✗ data/missed: error loss_stuck at 3: stuck" in printed and "✓ numeric/right" not in printed
