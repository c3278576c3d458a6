"""What is wrong with a script, found without dgmtui: the TOML file beside it."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEALTHY = "none"
KINDS = frozenset(
    "nonfinite bad_input sample_outlier target_range overflow_ahead exploding_gradient vanishing_gradient dead_units "
    "saturated_units loss_stuck loss_diverging loss_spike parameter_not_updated gradient_accumulating update_too_large "
    "update_too_small discriminator_won mode_collapse rank_divergence evaluation_mode wrong_loss_input "
    "input_ignored exception".split()
)
FIELDS = ("severity", "phase", "turn", "module", "op", "autograd", "sample", "unit")
"""Of a finding, what a truth can ask for; a list means any of these."""
TIMES = ("iteration", "onset")
"""A number, or the first and last that are right."""
_OTHER = ("kind", "also", "consequences", "source", "report", "found_by")


class TruthError(ValueError):
    """A truth file does not say what it must."""


@dataclass(frozen=True)
class Truth:
    """The root cause of a script's failure; ``kind`` is ``none`` for a healthy one."""

    script: Path
    kind: str
    also: frozenset[str]
    """Kinds under which the same cause may rightly be named instead."""
    fields: Mapping[str, tuple[Any, ...]]
    """Of a finding's fields those that must agree, each with the values that are right."""
    times: Mapping[str, tuple[int, int]]
    """``iteration`` and ``onset``, where known: the first and last that are right."""
    consequences: frozenset[str]
    """Kinds that follow from the cause."""
    source: str
    """Address of the report it is drawn from; empty for a healthy one that is drawn from none."""
    report: str
    """What happened there; of a healthy one, what is unusual in it."""
    found_by: str
    """``planted``, or ``observer: …``: how it was found."""

    @property
    def name(self) -> str:
        """``numeric/exp_of_logits``."""
        return f"{self.theme}/{self.script.stem}"

    @property
    def theme(self) -> str:
        """The folder that holds the script."""
        return self.script.parent.name

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return self.kind == HEALTHY


def corpus(wanted: Iterable[str] = (), folder: Path = HERE) -> list[Truth]:
    """The truths of all scripts, or of the ``wanted`` themes (``numeric``) and scripts (``numeric/exp_of_logits``).

    Raises:
        TruthError: a file is not right, a script has none, or what is wanted is not there.
    """
    scripts = sorted(path for path in folder.glob("*/*.py") if not path.name.startswith("_"))
    truths = [load(path) for path in scripts]
    names = list(wanted)
    for name in names:
        if not any(name in (truth.theme, truth.name) for truth in truths):
            raise TruthError(f"there is no theme and no script {name}")
    return [truth for truth in truths if not names or truth.theme in names or truth.name in names]


def load(script: Path) -> Truth:
    """The truth beside ``script``.

    Raises:
        TruthError: there is none, or it is not right.
    """
    path = script.with_suffix(".toml")
    try:
        told = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TruthError(f"{path}: {error}") from error
    problems = list(_problems(told))
    if problems:
        raise TruthError(f"{path}: {'; '.join(problems)}")
    return Truth(
        script=script,
        kind=told["kind"],
        also=frozenset(told.get("also", ())),
        fields={name: _all_of(told[name]) for name in FIELDS if name in told},
        times={name: _range_of(told[name]) for name in TIMES if name in told},
        consequences=frozenset(told.get("consequences", ())),
        source=told.get("source", ""),
        report=told["report"],
        found_by=told["found_by"],
    )


def _problems(told: Mapping[str, Any]) -> Iterable[str]:
    for name in told.keys() - {*FIELDS, *TIMES, *_OTHER}:
        yield f"no field {name}"
    for name in ("kind", "report", "found_by"):
        if not isinstance(told.get(name), str) or not told[name]:
            yield f"{name} is missing"
    healthy = told.get("kind") == HEALTHY
    kinds = [*([] if healthy else [told.get("kind")]), *told.get("also", ()), *told.get("consequences", ())]
    yield from (f"no kind {kind}" for kind in kinds if kind not in KINDS)
    if not healthy and not str(told.get("source", "")).startswith("https://"):
        yield "source is no address"
    if not str(told.get("found_by")).startswith(("planted", "observer: ")):
        yield "found_by is neither planted nor observer: …"
    if healthy and told.keys() & {*FIELDS, *TIMES, "also", "consequences"}:
        yield "a healthy script has nothing to find"
    for name in TIMES:
        if name in told and not _is_range(told[name]):
            yield f"{name} is neither an iteration nor a first and last one"


def _is_range(value: Any) -> bool:
    whole = _all_of(value)
    return len(whole) in (1, 2) and all(type(each) is int for each in whole) and whole[0] <= whole[-1]


def _range_of(value: Any) -> tuple[int, int]:
    whole = _all_of(value)
    return whole[0], whole[-1]


def _all_of(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
