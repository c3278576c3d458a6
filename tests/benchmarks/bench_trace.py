"""What tracing and replaying an iteration cost, against running it plainly in eager PyTorch."""

import time
from collections.abc import Callable, Iterable

import torch
from table import BenchRow
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.trace.graph import Outside
from dgmtui.trace.replay import Replay
from dgmtui.trace.tensors import meta_of
from dgmtui.trace.tracer import Tracer

_REPEATS = 15


def _cnn() -> tuple[nn.Module, Callable[[], Tensor], dict[str, Tensor]]:
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 196, 10),
    )  # fmt: skip
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    return model, lambda: F.cross_entropy(model(x), y), {"input:x": x, "input:y": y}


def _mlp() -> tuple[nn.Module, Callable[[], Tensor], dict[str, Tensor]]:
    model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    x, y = torch.randn(128, 256), torch.randint(0, 10, (128,))
    return model, lambda: F.cross_entropy(model(x), y), {"input:x": x, "input:y": y}


def _median_seconds(run: Callable[[], object]) -> float:
    run()
    taken = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[len(taken) // 2]


def _traced(step: Callable[[], Tensor], names: dict[int, str]) -> tuple[Tracer, Tensor]:
    with Tracer() as tracer:
        loss = step()
    tracer.finish(loss, lambda t: Outside(names[t._cdata], "input", meta_of(t)) if t._cdata in names else None)
    return tracer, loss


def rows() -> Iterable[BenchRow]:
    """Plain, traced and replayed iterations of an MLP and a CNN, forward and backward."""
    torch.manual_seed(0)
    for label, make in (("MLP 256-512-512-10, batch 128", _mlp), ("CNN 2 conv + BN, batch 64", _cnn)):
        model, step, inputs = make()
        tensors = {
            **inputs,
            **dict(model.named_parameters(prefix="param")),
            **dict(model.named_buffers(prefix="buffer")),
        }
        names = {t._cdata: name for name, t in tensors.items()}
        feeds = {name: t.detach().clone() for name, t in tensors.items()}
        plain = _median_seconds(lambda step=step: step().backward())
        traced = _median_seconds(lambda step=step, names=names: _traced(step, names)[1].backward())
        with Tracer() as tracer:
            loss = step()
        graph = tracer.finish(loss, lambda t, names=names: Outside(names[t._cdata], "input", meta_of(t))).graph

        def replayed(graph=graph, feeds=feeds, watched: bool = True) -> None:  # type: ignore[no-untyped-def]
            Replay(graph, feeds).backward(steps=watched)

        watched, unwatched = _median_seconds(replayed), _median_seconds(lambda run=replayed: run(watched=False))
        peer = "the same iteration, plain eager PyTorch"
        for what, ours, limit in (
            ("replay, backward watched", watched, 3.0),
            ("replay for verification", unwatched, 3.0),
            ("an iteration that is traced", traced, 3.0),
        ):
            ratio = ours / plain
            yield BenchRow(
                "trace",
                f"{what}: {label}",
                ours * 1e3,
                "ms",
                peer,
                plain * 1e3,
                ratio,
                f"<= {limit:g}x",
                ratio <= limit,
            )
