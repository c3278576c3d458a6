"""From a target back to the input, largest contributor by largest contributor."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgmtui.credit.cause import cause_of
from dgmtui.credit.forward import seed_of
from dgmtui.credit.grouping import Layout, Outputs
from dgmtui.credit.model import Chain, Link, Target
from dgmtui.credit.propagation import EPSILON_RULE, Propagation
from dgmtui.credit.story import sentence
from dgmtui.credit.sweep import Reader, Sweep
from dgmtui.trace.graph import NodeRef, OutsideRef, Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_MOST_LINKS = 1000


def chain(
    replay: Replay,
    start: "Birth | Target",
    *,
    propagation: Propagation = EPSILON_RULE,
    progress: Progress | None = None,
) -> Chain:
    """Follow ``start`` to the input: at each step the relevance goes back to the nearest outputs of innermost modules
    (and to inputs), and the unit that got most, in the sample that got most, hands on what it got.

    So each link's ``share`` is of what the link before it handed on, and the sweeps of all steps together pass each
    operation about once. Where parameters and constants took more than any unit, the sentence says so.

    Raises:
        CreditError: where the start's non-finite value began is not known, or an operation in the way has no
            derivative.
        Cancelled: ``progress`` was cancelled.
    """
    birth = None if isinstance(start, Target) else start
    target = start if isinstance(start, Target) else cause_of(start, replay)
    walk = _Walk(Reader(replay), propagation, progress)
    if target.alone:
        return _alone(target, walk.outputs)
    walk.follow(target, seed_of(replay, target, walk.outputs, propagation.epsilon))
    text = sentence(target, tuple(walk.links), walk.reader.graph, walk.constant, walk.cancelled, birth)
    return Chain(tuple(walk.links), text, target, walk.kept)


def _alone(target: Target, outputs: Outputs) -> Chain:
    """A value that no unit's number is behind: there is nothing upstream."""
    op, source = outputs.made_by(target.ref)
    link = Link(target.module, target.unit, target.sample, target.value, None, op, source, target.element)
    return Chain((link,), target.text + ".", target)


@dataclass(frozen=True)
class _Stop:
    """Relevance that reached a module's output, or an input."""

    ref: Ref
    relevance: Tensor


@dataclass
class _Walk:
    """The links so far."""

    reader: Reader
    propagation: Propagation
    progress: Progress | None
    links: list[Link] = field(default_factory=list)
    kept: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("bias", "random", "approximate"), 0.0))
    constant: tuple[Link, float] | None = None
    """The first link most of which is parameters and constants, and their share of it."""
    cancelled: tuple[str, ...] = ()
    """What the last link is made of, where all of that cancels or is zero."""

    def __post_init__(self) -> None:
        self.outputs = Outputs(self.reader.graph)

    def follow(self, target: Target, seed: Tensor) -> None:
        self._link(target.ref, seed, None, target.unit, target.sample)
        ref, relevance = target.ref, seed
        for _ in range(_MOST_LINKS):
            stops, bias = self._up(ref, relevance)
            handed_on = 0.0 if self.links[-1].value == 0 else float(relevance.double().sum())
            if not any(bool(stop.relevance.any()) for stop in stops):
                self._note_bias(bias, 0.0, handed_on)
                self.cancelled = tuple(dict.fromkeys(self._name(stop.ref) for stop in stops))
                return
            ref, relevance, unit, sample = self._largest(stops)
            got = float(relevance.double().sum())
            self._note_bias(bias, got, handed_on)
            self._link(ref, relevance, got / handed_on if handed_on else None, unit, sample)
            if isinstance(ref, OutsideRef):
                return

    def _note_bias(self, bias: float, got: float, handed_on: float) -> None:
        if self.constant is None and handed_on and abs(bias) > max(abs(got), abs(handed_on) / 2):
            self.constant = self.links[-1], bias / handed_on

    def _up(self, start: Ref, relevance: Tensor) -> tuple[list[_Stop], float]:
        """Where the relevance of ``start`` stops: the nearest outputs of modules upstream, and inputs; and what
        parameters and constants took on the way."""
        stops: list[_Stop] = []

        def visit(ref: Ref, arrived: Tensor, approximate: bool) -> bool:
            if ref == start or (isinstance(ref, NodeRef) and self.outputs.innermost(ref) is None):
                return False
            stops.append(_Stop(ref, arrived))
            return True

        ledger = Sweep(self.reader, self.propagation, self.progress).run({start: relevance}, visit)
        for name in self.kept:
            self.kept[name] += ledger.ended[name]
        return stops, ledger.ended["bias"]

    def _largest(self, stops: list[_Stop]) -> tuple[Ref, Tensor, int | None, int | None]:
        """The unit and sample with the largest relevance of all stops, and the relevance of its elements alone."""
        best: tuple[float, _Stop, tuple[int, ...]] | None = None
        for stop in stops:
            per_place = _per_unit_and_sample(stop.relevance, self.outputs.layout_of(stop.ref)).abs()
            place = tuple(int(i) for i in torch.unravel_index(per_place.argmax(), per_place.shape))
            size = float(per_place[place])
            if best is None or size > best[0]:
                best = (size, stop, place)
        assert best is not None, "there is a stop"
        _, stop, (unit, sample) = best
        layout = self.outputs.layout_of(stop.ref)
        units = unit if layout.unit_axis is not None else None
        samples = sample if layout.sample_axis is not None else None
        return stop.ref, _only(stop.relevance, layout, units, samples), units, samples

    def _link(self, ref: Ref, relevance: Tensor, share: float | None, unit: int | None, sample: int | None) -> None:
        value = self.reader.value(ref)
        size = relevance.abs()
        element = tuple(int(i) for i in torch.unravel_index(size.argmax(), size.shape)) if size.dim() else ()
        op, source = self.outputs.made_by(ref)
        self.links.append(Link(self._name(ref), unit, sample, float(value[element]), share, op, source, element))

    def _name(self, ref: Ref) -> str:
        return self.outputs.label(ref)


def _per_unit_and_sample(relevance: Tensor, layout: Layout) -> Tensor:
    """``[units, samples]``, float64."""
    axes = [axis for axis in (layout.unit_axis, layout.sample_axis) if axis is not None]
    others = [axis for axis in range(relevance.dim()) if axis not in axes]
    summed = relevance.double().permute(*axes, *others).reshape([relevance.shape[a] for a in axes] + [-1]).sum(-1)
    if layout.unit_axis is None:
        summed = summed.unsqueeze(0)
    return summed if layout.sample_axis is not None else summed.unsqueeze(-1)


def _only(relevance: Tensor, layout: Layout, unit: int | None, sample: int | None) -> Tensor:
    """``relevance`` at one unit and sample, zero elsewhere."""
    where: list[slice | int] = [slice(None)] * relevance.dim()
    if unit is not None and layout.unit_axis is not None:
        where[layout.unit_axis] = unit
    if sample is not None and layout.sample_axis is not None:
        where[layout.sample_axis] = sample
    kept = torch.zeros_like(relevance)
    kept[tuple(where)] = relevance[tuple(where)]
    return kept
