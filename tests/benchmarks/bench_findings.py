"""How often the findings are right on the corpus of faulty and healthy trainings: run alone, into README.md."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from faults.score import Score, lines, scores  # noqa: E402
from faults.truth import HEALTHY, corpus  # noqa: E402
from table import BenchRow  # noqa: E402

README = HERE.parent.parent / "README.md"
BEGIN, END = "<!-- scores: begin -->", "<!-- scores: end -->"
"""In README.md, around what ``make scores`` writes."""
GOAL = 0.95
"""Of the faulty scripts, those whose root cause is the first finding."""
ALL = "all"


@dataclass(frozen=True)
class Setup:
    """How the scripts are recorded."""

    name: str
    options: Sequence[str] = ()
    small: bool = False
    """With the smallest ``--max-size`` that each can be kept under, so that most are thinned."""


SETUPS = (Setup("defaults"), Setup("--every 100", ("--every", "100")), Setup("--max-size small", small=True))


@dataclass(frozen=True)
class Tally:
    """Scores of one theme, or of all, recorded one way."""

    setup: Setup
    theme: str
    scores: tuple[Score, ...]
    """Of faulty scripts, or of the healthy ones where that is the theme."""

    def count(self, holds: Callable[[Score], bool]) -> int:
        """Scripts for which it holds."""
        return sum(map(holds, self.scores))


def tallies(setup: Setup) -> list[Tally]:
    """One a theme, then one of all the faulty scripts, then the healthy ones."""
    judged = scores(corpus(), setup.options, small=setup.small)
    faulty = [score for score in judged if not score.truth.healthy]
    by_theme = {score.truth.theme: [s for s in faulty if s.truth.theme == score.truth.theme] for score in faulty}
    healthy = [score for score in judged if score.truth.healthy]
    groups: dict[str, list[Score]] = {**by_theme, ALL: faulty, HEALTHY: healthy}
    return [Tally(setup, theme, tuple(members)) for theme, members in groups.items() if members]


def _each(judged: Sequence[Tally]) -> list[Score]:
    """Every script once."""
    return [score for tally in judged if tally.theme != ALL for score in tally.scores]


def rows() -> Iterable[BenchRow]:
    """Root cause first, in the list, false alarms, for each way of recording; misses are printed with what was said."""
    for setup in SETUPS:
        judged = tallies(setup)
        for tally in judged:
            yield from _rows_of(tally)
        if setup.small:
            thinned = sum(score.thinned for score in _each(judged))
            yield _row(setup, "recordings that were thinned", thinned, len(_each(judged)))
        print("\n".join(_misses(judged)) + "\n", flush=True)


def _rows_of(tally: Tally) -> Iterator[BenchRow]:
    def row(what: str, count: int, goal: str, met: bool | None) -> BenchRow:
        return _row(tally.setup, what, count, len(tally.scores), goal, met)

    if tally.theme == HEALTHY:
        alarmed = tally.count(lambda score: bool(score.false_alarms))
        yield row("healthy: with a false alarm", alarmed, "0", alarmed == 0)
        return
    whole = tally.theme == ALL
    first = tally.count(lambda score: score.first)
    met = first >= GOAL * len(tally.scores) if whole else None
    yield row(f"{tally.theme}: root cause first", first, f"≥ {GOAL:.0%}" if whole else "", met)
    yield row(f"{tally.theme}: in the list", tally.count(lambda score: score.listed), "", None)
    alarmed = tally.count(lambda score: bool(score.false_alarms))
    yield row(f"{tally.theme}: with a false alarm", alarmed, "0" if whole else "", alarmed == 0 if whole else None)


def _row(setup: Setup, what: str, count: int, of: int, goal: str = "", met: bool | None = None) -> BenchRow:
    note = f"{count} of {of}"
    return BenchRow(f"findings, {setup.name}", what, 100 * count / of, "%", "", None, None, goal, met, note)


def _misses(judged: Sequence[Tally]) -> Iterator[str]:
    wrong = [score for score in _each(judged) if not score.first or score.false_alarms]
    yield f"not right with {judged[0].setup.name}: {len(wrong)}"
    yield from lines(wrong)


def readme_table() -> Iterator[str]:
    """Markdown: the same numbers, a row a theme, and the misses by name."""
    by_setup = [tallies(setup) for setup in SETUPS]
    yield "| theme | scripts | " + " | ".join(f"`{s.name}`" if s.options else s.name for s in SETUPS) + " |"
    yield "|---|---|" + "---|" * len(SETUPS)
    for same_theme in zip(*by_setup, strict=True):
        name = {HEALTHY: "healthy: false alarms", ALL: "**all faulty**"}.get(same_theme[0].theme, same_theme[0].theme)
        yield f"| {name} | {len(same_theme[0].scores)} | " + " | ".join(map(_cell, same_theme)) + " |"
    yield ""
    yield "First, in the list (and with a false alarm) of the faulty scripts; the last row has the healthy ones."
    small = _each(by_setup[-1])
    yield f"Thinned to keep to `--max-size`: {sum(score.thinned for score in small)} of {len(small)}."
    for judged in by_setup:
        yield from _readme_misses(judged)


def _cell(tally: Tally) -> str:
    alarmed = tally.count(lambda score: bool(score.false_alarms))
    if tally.theme == HEALTHY:
        return str(alarmed)
    first, listed = tally.count(lambda score: score.first), tally.count(lambda score: score.listed)
    return f"{first}, {listed} ({alarmed})"


def _readme_misses(judged: Sequence[Tally]) -> Iterator[str]:
    wrong = {
        "not first": lambda score: not score.truth.healthy and not score.first,
        "false alarms": lambda score: bool(score.false_alarms),
    }
    for what, holds in wrong.items():
        names = [f"`{score.truth.name}`" for score in _each(judged) if holds(score)]
        if names:
            yield f"\n{judged[0].setup.name}, {what}: {', '.join(names)}."


def write_readme(path: Path = README) -> None:
    """Put the table between the markers.

    Raises:
        ValueError: they are not there.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n" + "\n".join(readme_table()) + f"\n{END}{after}")


if __name__ == "__main__":
    write_readme()
