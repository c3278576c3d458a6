"""Credit assignment, in units of one forward and backward pass of the same model; captum's LRP beside it."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from architectures import Subject, subjects
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from memory import activation_bytes, peak_bytes
from table import BenchRow
from torch import Tensor, nn

from dgmtui.credit import backward_contributions, chain, forward_contributions, parse_target
from tests.credit.conftest import trace

ROUNDS = 15
_WHAT = (
    ("gradients", "gradient at every activation, with the replay", 1.2),
    ("lrp", "LRP-ε for all nodes, with the forward replay", 2.0),
    ("sweep", "LRP-ε for all nodes, the sweep alone", 2.0),
    ("backward", "backward contributions of a first-layer unit", 3.0),
    ("chain", "chain from one output to the input", None),
)


def rows() -> Iterable[BenchRow]:
    """GOALS' credit table, for a CNN, an MLP, a transformer, LSTMs and a convolutional VAE."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        for subject in subjects():
            yield from _subject_rows(subject)
    finally:
        torch.set_num_threads(threads)


def _subject_rows(subject: Subject) -> Iterable[BenchRow]:
    graph, replay = trace(subject.model, lambda _, **batch: subject.loss(**batch), **subject.batch)
    replay.backward(steps=False)
    jobs = _jobs(subject, graph, replay)
    took = _medians(jobs)
    base, captum = took["iteration"], took["captum"] / took["iteration"] if "captum" in took else None
    for key, what, goal in _WHAT:
        ours = took[key] / base
        peer_value = captum if key in ("lrp", "sweep") else None
        peer = "none (the floor is 1)" if key == "gradients" else "captum LRP-ε" if peer_value else "none"
        yield BenchRow(
            "credit", f"{subject.name}: {what}", ours, "× fwd+bwd", peer, peer_value,
            None if peer_value is None else ours / peer_value, f"≤ {goal}" if goal else "–",
            None if goal is None else ours <= goal, f"fwd+bwd {1e3 * base:.1f} ms of CPU time",
        )  # fmt: skip
    yield from _memory_rows(subject, jobs, activation_bytes(graph))
    if subject.has_captum:
        yield _agreement(subject, replay, parse_target(subject.unit, graph, replay))


def _jobs(subject: Subject, graph: Any, replay: Any) -> dict[str, Callable[[], object]]:
    batch, one, early = (parse_target(t, graph, replay) for t in (subject.unit, f"{subject.unit}@5", subject.early))

    def iteration() -> None:
        subject.model.zero_grad()
        subject.loss(**subject.batch).backward()

    def gradients() -> object:
        fresh = replay.again()
        fresh.backward(steps=False)
        return fresh

    def relevance_of_all() -> object:
        fresh = replay.again(differentiable=False)
        fresh.forward()
        return forward_contributions(fresh, batch, releasing=True)

    jobs = {
        "iteration": iteration,
        "gradients": gradients,
        "sweep": lambda: forward_contributions(replay, batch),
        "lrp": relevance_of_all,
        "backward": lambda: backward_contributions(replay, early),
        "chain": lambda: chain(replay, one),
    }
    if subject.has_captum:
        jobs["captum"] = lambda: _captum(subject.model, subject.batch["x"])
    return jobs


def _memory_rows(subject: Subject, jobs: dict[str, Callable[[], object]], activations: int) -> Iterable[BenchRow]:
    peer = peak_bytes(jobs["iteration"]) / activations
    for key, what, _ in _WHAT:
        peak = peak_bytes(jobs[key]) / activations
        yield BenchRow(
            "credit", f"{subject.name}: most memory of: {what}", peak, "× activations", "fwd+bwd", peer, peak / peer,
            "–", None, f"activations {activations / 2**20:.1f} MiB",
        )  # fmt: skip


def _captum(model: nn.Module, x: Tensor) -> Tensor:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.MaxPool2d):
            # Pooling only moves relevance, so no ε belongs to it.
            module.rule = EpsilonRule(1e-30 if isinstance(module, nn.MaxPool2d) else 1e-6)  # type: ignore[assignment]
    relevance: Tensor = LRP(model).attribute(x.clone().requires_grad_(), target=3)
    return relevance.detach()


def _agreement(subject: Subject, replay: Any, batch: Any) -> BenchRow:
    found = forward_contributions(replay, batch, by="unit,sample")
    x = subject.batch["x"]
    ours = torch.zeros(x.shape[1], len(x))
    for row in found.inputs:
        ours[row.unit, row.sample] = row.forward
    theirs = _captum(subject.model, x).flatten(2).sum(-1).T if x.dim() > 2 else _captum(subject.model, x).T
    difference = float((ours - theirs).norm() / theirs.norm())
    return BenchRow(
        "credit", f"{subject.name}: difference of input relevance", difference, "relative", "captum LRP-ε", 0.0, None,
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
