"""From a target back to the input, largest contributor by largest contributor."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgmtui.credit.account import account_of, line_of, line_of_region, lines_of_passage
from dgmtui.credit.cause import cause_of
from dgmtui.credit.elements import chosen_by
from dgmtui.credit.forward import seed_of
from dgmtui.credit.grouping import Layout, Outputs
from dgmtui.credit.model import AccountLine, Chain, Link, Target
from dgmtui.credit.naming import opened_by
from dgmtui.credit.parameters import parts_of
from dgmtui.credit.passage import passage_of
from dgmtui.credit.propagation import EPSILON_RULE, Propagation
from dgmtui.credit.region import Region, region_of
from dgmtui.credit.story import ending, sentence
from dgmtui.credit.sweep import Reader, Sweep
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref
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
    passage = None if birth is None or birth.phase != "backward" else passage_of(replay, birth)
    before = () if passage is None else lines_of_passage(passage)
    if target.alone:
        alone = _alone(target, walk.reader.graph, walk.outputs)
        return Chain((alone,), target.text + ".", target, account=(*before, line_of(alone)))
    walk.follow(target, seed_of(replay, target, walk.outputs, propagation.epsilon))
    graph = walk.reader.graph
    text = sentence(target, tuple(walk.links), graph, walk.constant, walk.cancelled, birth)
    if passage is not None:
        text += passage.sentence
    parts = parts_of(walk.reader, walk.outputs, walk.links, walk.refs, walk.took)
    account = (*before, *account_of(walk.links, walk.refs, graph, walk.outputs, walk.region, parts))
    return Chain(tuple(walk.links), text + ending(walk.region, parts), target, walk.kept, account)


def _alone(target: Target, graph: Graph, outputs: Outputs) -> Link:
    """A value that no unit's number is behind: there is nothing upstream."""
    op, source = outputs.made_by(target.ref)
    name, command = opened_by(graph, target.ref, outputs.label(target.ref), target.unit, target.sample, target.element)
    place = (target.module, target.unit, target.sample, target.value)
    return Link(*place, None, op, source, target.element, name, command)


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
    refs: list[Ref] = field(default_factory=list)
    """What each link is of."""
    took: list[dict[Ref, Tensor]] = field(default_factory=list)
    """What parameters kept of what each link handed on, as shares of it."""
    region: tuple[Region, AccountLine] | None = None
    """Of the input that the last link is of: where in the sample most of the relevance arrived."""
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
            stops, bias, took = self._up(ref, relevance)
            handed_on = 0.0 if self.links[-1].value == 0 else float(relevance.double().sum())
            self.took.append({at: kept / handed_on for at, kept in took.items()} if handed_on else {})
            if not any(bool(stop.relevance.any()) for stop in stops):
                self._note_bias(bias, 0.0, handed_on)
                self.cancelled = tuple(dict.fromkeys(self._name(stop.ref) for stop in stops))
                self._end_at_index()
                return
            ref, relevance, unit, sample = self._largest(stops)
            got = float(relevance.double().sum())
            self._note_bias(bias, got, handed_on)
            self._link(ref, relevance, got / handed_on if handed_on else None, unit, sample)
            if isinstance(ref, OutsideRef):
                self._mark_region(ref, next(stop.relevance for stop in stops if stop.ref == ref), sample)
                return

    def _end_at_index(self) -> None:
        """An embedding's row was chosen by an index: that is the input."""
        link, ref = self.links[-1], self.refs[-1]
        if link.element is None or not isinstance(ref, NodeRef):
            return
        chosen = chosen_by(self.reader, ref, link.element)
        if chosen is None:
            return
        outside, element = chosen
        self.cancelled = ()
        axis = self.outputs.layout_of(outside).sample_axis
        self._link_at(outside, element, 1.0, None, element[axis] if axis is not None else None)

    def _mark_region(self, ref: OutsideRef, relevance: Tensor, sample: int | None) -> None:
        axis = self.outputs.layout_of(ref).sample_axis
        if sample is not None and axis is not None:
            relevance = relevance.select(axis, sample)
        found = region_of(self.reader.graph, ref, relevance)
        if found is not None:
            self.region = found, line_of_region(found, self.links[-1], axis)

    def _note_bias(self, bias: float, got: float, handed_on: float) -> None:
        if self.constant is None and handed_on and abs(bias) > max(abs(got), abs(handed_on) / 2):
            self.constant = self.links[-1], bias / handed_on

    def _up(self, start: Ref, relevance: Tensor) -> tuple[list[_Stop], float, dict[Ref, Tensor]]:
        """Where the relevance of ``start`` stops: the nearest outputs of modules upstream, and inputs; what parameters
        and constants took on the way; and the same for each parameter."""
        stops: list[_Stop] = []

        def visit(ref: Ref, arrived: Tensor, approximate: bool) -> bool:
            if ref == start or (isinstance(ref, NodeRef) and self.outputs.innermost(ref) is None):
                return False
            stops.append(_Stop(ref, arrived))
            return True

        ledger = Sweep(self.reader, self.propagation, self.progress).run({start: relevance}, visit)
        for name in self.kept:
            self.kept[name] += ledger.ended[name]
        return stops, ledger.ended["bias"], ledger.parameters

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
        size = relevance.abs()
        element = tuple(int(i) for i in torch.unravel_index(size.argmax(), size.shape)) if size.dim() else ()
        self._link_at(ref, element, share, unit, sample)

    def _link_at(
        self, ref: Ref, element: tuple[int, ...], share: float | None, unit: int | None, sample: int | None
    ) -> None:
        value, name = float(self.reader.value(ref)[element]), self._name(ref)
        op, source = self.outputs.made_by(ref)
        target, command = opened_by(self.reader.graph, ref, name, unit, sample, element)
        self.links.append(Link(name, unit, sample, value, share, op, source, element, target, command))
        self.refs.append(ref)

    def _name(self, ref: Ref) -> str:
        label = self.outputs.label(ref)
        return "loss" if label.startswith("node:") and ref == self.reader.graph.loss else label


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
