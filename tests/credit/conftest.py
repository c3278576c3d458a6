"""A model traced and run again, as a recording's snapshot would be."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import Propagation
from dgmtui.credit.sweep import Ledger, Reader, Sweep
from dgmtui.trace.graph import Graph, Outside
from dgmtui.trace.replay import Replay
from dgmtui.trace.tensors import meta_of
from dgmtui.trace.tracer import Tracer


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for item in value for t in _tensors(item)] if isinstance(value, tuple | list) else []


def squared(model: nn.Module, x: Tensor) -> Tensor:
    """A loss."""
    return model(x).square().mean()


def trace(model: nn.Module, step: Callable[..., Tensor], **inputs: Tensor) -> tuple[Graph, Replay]:
    """The graph of ``step(model, **inputs)`` and its unrun replay."""
    names = {id(t): ("parameter", f"param:{name}") for name, t in model.named_parameters()}
    names |= {id(t): ("buffer", f"buffer:{name}") for name, t in model.named_buffers()}
    names |= {id(t): ("input", f"input:{name}") for name, t in inputs.items()}
    buffers = {f"buffer:{name}": t.clone() for name, t in model.named_buffers()}
    tracer = Tracer()
    handles = []

    def enter(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(module: nn.Module, args: Any) -> None:
            tracer.enter_call(path, type(module).__name__, _tensors(args), module.training)

        return hook

    for path, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(enter(path)))
        handles.append(module.register_forward_hook(lambda module, args, out: tracer.exit_call(_tensors(out))))
    with tracer:
        loss = step(model, **inputs)
    for handle in handles:
        handle.remove()

    def name(t: Tensor) -> Outside | None:
        if id(t) not in names:
            return None
        kind, found = names[id(t)]
        return Outside(found, kind, meta_of(t))  # type: ignore[arg-type]

    traced = tracer.finish(loss, name)
    assert not traced.refused and not traced.unnamed, (traced.refused, traced.unnamed)
    return traced.graph, Replay(traced.graph, {**traced.outside, **buffers}, draws=traced.draws or None)


class Call(nn.Module):
    """A function as a module, with parameters by name."""

    def __init__(self, function: Any, **parameters: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, *inputs: Tensor) -> Tensor:
        result: Tensor = self.function(self, *inputs)
        return result


def sent_back(run: Any, model: nn.Module, relevance: Tensor, *, epsilon: float, **inputs: Tensor) -> Ledger:
    """Relevance given to the model's output, sent back to the inputs."""
    replay = run(model, lambda model, **given: model(*given.values()).sum(), backward=False, **inputs)
    output = next(call for call in replay.graph.calls if call.parent < 0).outputs[0]
    return Sweep(Reader(replay), Propagation(epsilon=epsilon)).run({output: relevance}, lambda *_: False)


@pytest.fixture(scope="session")
def run() -> Callable[..., Replay]:
    """Trace ``step(model, **inputs)`` and run the replay forward and back."""

    def traced(model: nn.Module, step: Callable[..., Tensor], *, backward: bool = True, **inputs: Tensor) -> Replay:
        _, replay = trace(model, step, **inputs)
        replay.forward()
        if backward:
            replay.backward()
        return replay

    return traced


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
