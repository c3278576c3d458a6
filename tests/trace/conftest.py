"""A small recorder: one iteration traced through torch's global module hooks, with all that it needs to run again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from dgmtui.trace.assemble import Traced
from dgmtui.trace.graph import Graph, Outside
from dgmtui.trace.replay import Replay
from dgmtui.trace.statistics import merge_statistics, statistics_of
from dgmtui.trace.tensors import meta_of
from dgmtui.trace.tracer import Tracer


@dataclass(frozen=True)
class Iteration:
    """One traced iteration and what it really gave."""

    traced: Traced
    feeds: Mapping[str, Tensor]
    rng_state: Tensor
    loss: Tensor
    gradients: Mapping[str, Tensor]
    statistics: Mapping[str, NDArray[Any]]

    @property
    def graph(self) -> Graph:
        return self.traced.graph

    def replay(self, **options: Any) -> Replay:
        options.setdefault("rng_state", self.rng_state)
        return Replay(self.graph, self.feeds, **options)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def trace_iteration(model: nn.Module, step: Callable[[], Tensor], **inputs: Tensor) -> Iteration:
    """Trace ``step``, which gives a loss, and back-propagate it."""
    named: list[tuple[str, str, Tensor]] = [(f"param:{n}", "parameter", p) for n, p in model.named_parameters()]
    named += [(f"buffer:{n}", "buffer", b) for n, b in model.named_buffers()]
    named += [(f"input:{n}", "input", t) for n, t in inputs.items()]
    names = {t._cdata: (name, kind) for name, kind, t in reversed(named)}
    feeds = {name: t.detach().clone() for name, _, t in named}
    paths = {module: path for path, module in model.named_modules()}
    tracer = Tracer()
    parts: dict[str, list[tuple[NDArray[Any], int]]] = {}

    def enter(module: nn.Module, args: Any) -> None:
        if module in paths:
            tracer.enter_call(paths[module], type(module).__name__, list(_tensors(args)), module.training)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if module in paths:
            outputs = list(_tensors(output))
            tracer.exit_call(outputs)
            with tracer.paused():
                parts.setdefault(paths[module], []).append((statistics_of(outputs[0]), outputs[0].numel()))

    def name(t: Tensor) -> Outside | None:
        found = names.get(t._cdata)
        return Outside(found[0], found[1], meta_of(t)) if found else None  # type: ignore[arg-type]

    handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
    rng_state = torch.get_rng_state()
    try:
        with tracer:
            loss = step()
    finally:
        for handle in handles:
            handle.remove()
    traced = tracer.finish(loss, name)
    model.zero_grad()
    torch.autograd.backward(loss)
    return Iteration(
        traced=traced,
        feeds={**{n: t.detach() for n, t in traced.outside.items()}, **feeds},
        rng_state=rng_state,
        loss=loss.detach(),
        gradients={f"param:{n}": p.grad for n, p in model.named_parameters() if p.grad is not None},
        statistics={path: merge_statistics([p for p, _ in made], [n for _, n in made]) for path, made in parts.items()},
    )


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def trace_once() -> Callable[..., Iteration]:
    """``trace_once(model, step, **inputs)``: one iteration, traced and back-propagated."""
    return trace_iteration
