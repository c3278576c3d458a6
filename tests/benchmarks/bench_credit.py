"""Credit assignment, in units of one forward and backward pass of the same model; captum's LRP beside it."""

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from table import BenchRow
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import backward_contributions, chain, forward_contributions, parse_target

ROUNDS = 15


class Cnn(nn.Module):
    """1.2 M parameters on 32 × 32 pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128)))
        self.pools = nn.ModuleList(nn.MaxPool2d(2) for _ in range(3))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(4))
        self.fc1, self.out = nn.Linear(2048, 512), nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv, relu, pool in zip((self.conv1, self.conv2, self.conv3), self.relus, self.pools, strict=False):
            x = pool(relu(conv(x)))
        logits: Tensor = self.out(self.relus[3](self.fc1(x.flatten(1))))
        return logits


def mlp() -> nn.Sequential:
    """0.8 M parameters."""
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


def loss_of(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(x), y)


def rows() -> Iterable[BenchRow]:
    """GOALS' credit table, for a CNN and an MLP."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        yield from _model_rows("CNN", Cnn(), torch.rand(32, 3, 32, 32), "out")
        yield from _model_rows("MLP", mlp(), torch.rand(128, 784), "6")
    finally:
        torch.set_num_threads(threads)


def _model_rows(name: str, model: nn.Module, x: Tensor, last: str) -> Iterable[BenchRow]:
    y = torch.arange(len(x)) % 10
    trace = _trace()
    graph, replay = trace(model, loss_of, x=x, y=y)
    replay.backward(steps=False)
    batch = parse_target(f"{last}[3]", graph, replay)
    one = parse_target(f"{last}[3]@5", graph, replay)
    first = parse_target(f"{graph.calls[1].module}[1]", graph, replay)

    def iteration() -> None:
        model.zero_grad()
        loss_of(model, x, y).backward()

    def gradients() -> None:
        replay.again().backward(steps=False)

    def relevance_of_all() -> None:
        fresh = replay.again()
        fresh.forward()
        forward_contributions(fresh, batch)

    took = _medians(
        {
            "iteration": iteration,
            "gradients": gradients,
            "sweep": lambda: forward_contributions(replay, batch),
            "lrp": relevance_of_all,
            "backward": lambda: backward_contributions(replay, first),
            "chain": lambda: chain(replay, one),
            "captum": lambda: _captum(model, x),
        }
    )
    base, captum = took["iteration"], took["captum"] / took["iteration"]
    for key, what, goal, peer, peer_value in (
        ("gradients", "gradient at every activation, with the replay", 1.2, "none (the floor is 1)", None),
        ("lrp", "LRP-ε for all nodes, with the forward replay", 2.0, "captum LRP-ε", captum),
        ("sweep", "LRP-ε for all nodes, the sweep alone", 2.0, "captum LRP-ε", captum),
        ("backward", "backward contributions of a first-layer unit", 3.0, "none", None),
        ("chain", "chain from one output to the input", None, "none", None),
    ):
        ours = took[key] / base
        yield BenchRow(
            "credit", f"{name}: {what}", ours, "× fwd+bwd", peer, peer_value,
            None if peer_value is None else ours / peer_value, f"≤ {goal}" if goal else "–",
            None if goal is None else ours <= goal, f"fwd+bwd {1e3 * base:.1f} ms of CPU time",
        )  # fmt: skip
    yield _agreement(name, model, x, replay, batch)


def _captum(model: nn.Module, x: Tensor) -> Tensor:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.MaxPool2d):
            # Pooling only moves relevance, so no ε belongs to it.
            module.rule = EpsilonRule(1e-30 if isinstance(module, nn.MaxPool2d) else 1e-6)  # type: ignore[assignment]
    relevance: Tensor = LRP(model).attribute(x.clone().requires_grad_(), target=3)
    return relevance.detach()


def _agreement(name: str, model: nn.Module, x: Tensor, replay: Any, batch: Any) -> BenchRow:
    found = forward_contributions(replay, batch, by="unit,sample")
    ours = torch.zeros(x.shape[1], len(x))
    for row in found.inputs:
        ours[row.unit, row.sample] = row.forward
    theirs = _captum(model, x).flatten(2).sum(-1).T if x.dim() > 2 else _captum(model, x).T
    difference = float((ours - theirs).norm() / theirs.norm())
    return BenchRow(
        "credit", f"{name}: difference of input relevance", difference, "relative", "captum LRP-ε", 0.0, None,
        "≤ 1e-4", difference <= 1e-4,
    )  # fmt: skip


def _medians(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median CPU seconds of each job on one thread, their runs interleaved: other processes barely count."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for i in range(ROUNDS + 2):
        for name, job in jobs.items():
            started = time.process_time()
            job()
            if i >= 2:
                seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _trace() -> Any:
    """The tests' helper that traces a model as the recorder does."""
    path = Path(__file__).parents[1] / "credit" / "conftest.py"
    spec = importlib.util.spec_from_file_location("credit_conftest", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.trace
