"""The tour: eight steps through a training that failed, from the failing value to a script of the investigation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dgmtui.commands.keymap import shown
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.recording.model import Quantity
from dgmtui.session import touring
from dgmtui.session.session import Session
from dgmtui.session.subject import of_birth
from dgmtui.session.touring import Step
from dgmtui.trace.available import require_torch
from dgmtui.trace.batch import batch_size

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding

MADE_FOR = (
    "the tour needs a training that failed at one sample of a batch: `dgmtui demo` records one and opens it; in a "
    "clone of dgmtui, `dgmtui recordings/vae.h5` does without training"
)
SAVED = "save tour.dgm"
FAREWELL = "That was the tour. `dgmtui REC -x tour.dgm` does all of it again; F1 is help, `undo` takes the edit back."


@dataclass(frozen=True)
class _Failure:
    """What the steps name."""

    finding: "Finding"
    module: str
    unit: int
    sample: int
    other: int
    """A row of the batch that did not fail."""
    quantity: Quantity
    """What of the module is looked at over time."""

    @property
    def place(self) -> str:
        return f"{self.module or 'root'}[{self.unit}]"


@command(touring.NAME, group="session", keys=(("T", "tour", ""),), needs_replay=True, logged=False)
def tour(session: Session, what: Literal["stop"] | None = None) -> Result:
    """Take a tour in eight steps through a training that failed; `tour stop`, or Esc, leaves it.

    On the screen each step stands above the prompt: what there is to see, and the key to press next. It goes on when
    that was done, in whatever way; other keys do what they do. It begins at the first iteration. Without a screen the
    steps are listed with their commands.

    JSON: {"command":"tour","step","steps":[{"line","words"}…]}: the step to be done, from 1, or null; and what the
    steps are, none after `tour stop`.
    """
    if what == "stop":
        return _stopped(session)
    steps = tuple(_steps(_failure(session)))
    data = {"step": None, "steps": [{"line": step.line, "words": step.words} for step in steps]}
    if session.front is None:
        rows = tuple((number, step.line, f"{step.see} {step.do}") for number, step in enumerate(steps, start=1))
        return Result("tour", data, (Table(("", "command", "tour"), rows, below=True),))
    touring.note(touring.TAKEN)
    session.go_to(0)
    session.tour.begin(steps, FAREWELL)
    return Result("tour", {**data, "step": 1}, (Text("the tour begins at iteration 0; Esc leaves it", "dim"),))


def offer(session: Session) -> None:
    """Say on the screen that there is a tour, where the recording is one for it; else which one is."""
    fits = session.recording.first_nonfinite() is not None
    how = f"{_press('tour')}: a tour in eight steps" if fits else "`dgmtui demo` opens a failed training with a tour"
    session.tour.offer(f"New here? {how}; Esc: no, thanks")


def _stopped(session: Session) -> Result:
    if not session.tour.words:
        raise UsageError("no tour is under way; `tour` begins one", word="stop")
    if session.tour.number is None:
        touring.note(touring.DECLINED)
    session.tour.stop()
    return Result("tour", {"step": None, "steps": []}, (Text("`tour` takes it whenever you like", "dim"),))


def _failure(session: Session) -> _Failure:
    """What failed, and because of what.

    Raises:
        UsageError: nothing did, or not as the steps need it.
    """
    if session.recording.first_nonfinite() is None:
        raise UsageError(MADE_FOR)
    require_torch()
    found = next((f for f in session.ranks.findings() if f.kind == "nonfinite"), None)
    snapshot = None if found is None else session.recording.snapshot(found.iteration)
    if found is None or found.rank != session.rank or snapshot is None or snapshot.trace < 0:
        raise UsageError(MADE_FOR)
    graph = session.operations.graph(snapshot.trace)
    subject, rows = of_birth(session.recording, session.results, snapshot, graph), batch_size(graph)
    if subject is None or subject.unit is None or subject.sample is None or len(found.samples) > 1 or (rows or 0) < 2:
        raise UsageError(MADE_FOR)
    recorded = {channel.quantity for channel in session.recording.channels if channel.module == subject.module}
    quantity = Quantity.WEIGHT if Quantity.WEIGHT in recorded else Quantity.ACTIVATION
    other = 3 if subject.sample != 3 and (rows or 0) > 3 else int(subject.sample == 0)
    return _Failure(found, subject.module, subject.unit, subject.sample, other, quantity)


def _steps(failed: _Failure) -> Iterator[Step]:
    """The eight of them, by the names that the recording has."""
    at, place, sample = failed.finding.iteration, failed.place, failed.sample
    module, quantity, unit = failed.module, failed.quantity, failed.unit
    edit = f"input[0][{sample}] = input[0][{failed.other}]"
    yield Step(
        "next-nonfinite",
        "You stand on iteration 0, where all was well.",
        f"{_press('next-nonfinite')}: to the first value that is not finite.",
        lambda session, ran: session.iteration == at,
    )
    yield Step(
        "explain",
        f"Iteration {at:,}: the loss is not finite, ✗ marks the modules that gave out such values.",
        f"{_press('explain')}: why, in words.",
        lambda session, ran: ran == "explain",
    )
    yield Step(
        "credit",
        f"What failed, where in the code, and what to try. It came from {place} of sample {sample}.",
        f"{_press('credit')}: which units put that value there.",
        lambda session, ran: ran == "credit",
    )
    yield Step(
        "chain",
        "Each row is a unit, with its part of the value.",
        f"{_press('chain')}: the chain from there back to the sample and the weights.",
        lambda session, ran: ran == "chain",
    )
    yield Step(
        f"quantity {quantity}",
        f"From {place} to the input, last the weights.",
        f"{_press(f'quantity {quantity}')}: the {quantity} of that unit over all iterations.",
        lambda session, ran: ran == "quantity" and (session.quantity, session.module) == (quantity, module),
    )
    yield Step(
        f"set {edit}",
        f"The chart shows when [{unit}] left the others. Would another image have held?",
        f"{_press('set ')}, type {edit}, Enter.",
        lambda session, ran: session.cured,
    )
    yield Step(
        "findings",
        "With that image the iteration is finite: it held.",
        f"{_press('findings')}: all that was found, likeliest cause first; `export report.md` writes it down.",
        lambda session, ran: ran == "findings",
    )
    yield Step(
        SAVED,
        "The list is the diagnosis. All that you did can be done again by a script.",
        f"{_press('screen.prompt', 'Press :')}, type {SAVED}, Enter.",
        lambda session, ran: ran == "save",
    )


def _press(line: str, otherwise: str = "") -> str:
    """``Press n``, by the key that runs ``line`` or (of the screen's own) has that id; without one, what to do."""
    found = next((b for b in REGISTRY.bound if b.keys and line == (b.id if b.own else b.line)), None)
    return f"Press {shown(found.keys[0])}" if found else otherwise or f"Type :{line}"
