"""What recording costs: the time of a training iteration, recorded and not, block by block in turn."""

import ctypes
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import torch
from peers import PEERS, absent
from table import BenchRow
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.recorder.hooks import Hooks
from dgmtui.recorder.options import Options
from dgmtui.recorder.starting import start
from dgmtui.recording.model import End

_BLOCK = 10
"""Iterations a block: with the defaults, one of them has its statistics and series recorded."""


@dataclass(frozen=True)
class Loop:
    """A model, its optimiser and one iteration of its training."""

    step: Callable[[], None]
    model: nn.Module
    optimizer: torch.optim.Optimizer


class ConvVae(nn.Module):
    """1.3 M parameters, 28 × 28 images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(3136, 200), nn.ReLU(),
        )  # fmt: skip
        self.mean, self.log_variance = nn.Linear(200, 32), nn.Linear(200, 32)
        self.decoder = nn.Sequential(
            nn.Linear(32, 200), nn.ReLU(), nn.Linear(200, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``[B, 1, 28, 28]`` to logits of the same shape, mean and log-variance ``[B, 32]``."""
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance


def _vae() -> Loop:
    model = ConvVae()
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    data = torch.rand(256, 1, 28, 28)

    def step() -> None:
        x = data[torch.randint(0, len(data), (64,))]
        logits, mean, log_variance = model(x)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return Loop(step, model, optimizer)


def _mlp() -> Loop:
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    data, labels = torch.rand(1024, 784), torch.randint(0, 10, (1024,))

    def step() -> None:
        index = torch.randint(0, len(data), (128,))
        loss = F.cross_entropy(model(data[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return Loop(step, model, optimizer)


class Recorded:
    """A recording that goes on from block to block; between them PyTorch is as it was."""

    def __init__(self, path: Path, every: int) -> None:
        _, self.engine = start(path, "bench", [], Options(every=every), print)
        self._hooks = Hooks(self.engine, print)

    def __enter__(self) -> None:
        self._hooks.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.__exit__(kind, error, trace)

    def finish(self) -> None:
        """Close the file."""
        self.engine.finish(End("finished", self.engine.iteration - 1, ""))


@dataclass
class Way:
    """One way to run the loop and what its blocks took."""

    around: Callable[[], AbstractContextManager[object]]
    step: Callable[[], None]
    wall: list[float]
    cpu: list[float]

    def block(self) -> None:
        """Run and time one block."""
        wall, cpu = time.perf_counter(), time.process_time()
        with self.around():
            for _ in range(_BLOCK):
                self.step()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def _anomaly() -> AbstractContextManager[object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what it costs, which is what is measured here
        return torch.autograd.detect_anomaly(check_nan=True)


def _measure(make: Callable[[], Loop], folder: Path, rounds: int) -> dict[str, Way]:
    """Blocks of every way in turn; a peer whose package is missing is left out."""
    recorded = {
        "defaults": Recorded(folder / "defaults.h5", 10),
        "everything": Recorded(folder / "everything.h5", 1),
    }
    ways, ends = {}, []
    for name in ("plain", *recorded, "detect_anomaly", *(peer for peer in PEERS if absent(peer) is None)):
        torch.manual_seed(0)
        loop = make()
        around: Callable[[], AbstractContextManager[object]] = nullcontext
        if name in recorded:
            recorded[name].engine.new_optimizer(loop.optimizer)
            around = _given(recorded[name])
        elif name == "detect_anomaly":
            around = _anomaly
        elif name in PEERS:
            place = folder / str(len(ways))
            place.mkdir()
            peer = PEERS[name](loop.model, loop.optimizer, place)
            around = _given(peer)
            ends.append(peer.finish)
        ways[name] = Way(around, loop.step, [], [])
    for way in ways.values():
        for _ in range(2):
            way.block()
        way.wall, way.cpu = [], []
    for _ in range(rounds):
        for way in ways.values():
            way.block()
    for recording in recorded.values():
        assert recording.engine.iteration == _BLOCK * (rounds + 2), "every iteration must have been recorded"
        recording.finish()
    for end in ends:
        end()
    return ways


def _given(context: AbstractContextManager[object]) -> Callable[[], AbstractContextManager[object]]:
    return lambda: context


def _ratio(ways: dict[str, Way], name: str, clock: str) -> float:
    """The median over rounds of a block's time to that of the plain block beside it; that of all for what is rare."""
    ours, plain = getattr(ways[name], clock), getattr(ways["plain"], clock)
    if name in _RARE:
        return float(sum(ours) / sum(plain))
    return statistics.median(a / b for a, b in zip(ours, plain, strict=True))


_RARE = ("wandb.watch, every 100th",)
"""Whose work is done in one block of ten."""

_GOALS = {
    ("VAE", "defaults"): 1.03,
    ("MLP", "defaults"): 1.06,
    ("VAE", "everything"): 1.10,
    ("MLP", "everything"): 1.25,
}


def _rows_of(label: str, shown: str, ways: dict[str, Way]) -> Iterator[BenchRow]:
    ratios = {name: _ratio(ways, name, "cpu") for name in ways}
    for name, what in (("defaults", "recorded, every 10th"), ("everything", "recorded, every iteration")):
        limit = _GOALS[label, name]
        yield BenchRow(
            "recorder",
            f"{what}: {shown}",
            ratios[name],
            "x unrecorded (CPU)",
            "torch.autograd.detect_anomaly",
            ratios["detect_anomaly"],
            ratios[name] / ratios["detect_anomaly"],
            f"<= {limit:g}x",
            ratios[name] <= limit,
            f"wall {_ratio(ways, name, 'wall'):.3f}x of {statistics.median(ways['plain'].wall) / _BLOCK * 1e3:.1f} ms",
        )
    yield from _peer_rows(shown, ratios)


def _peer_rows(shown: str, ratios: Mapping[str, float]) -> Iterator[BenchRow]:
    """Everything of every iteration, beside what others offer: what they keep is said by their documentation."""
    everything, unit = ratios["everything"], "x unrecorded (CPU)"
    for peer in PEERS:
        theirs, what = ratios.get(peer), f"everything, beside others: {shown}"
        note = absent(peer) or ("of all blocks: few hold a 100th iteration" if peer in _RARE else "")
        ratio = None if theirs is None else everything / theirs
        yield BenchRow("recorder", what, everything, unit, peer, theirs, ratio, "–", None, note)


def _keep_memory() -> None:
    """Have glibc keep what is freed: else which of the loops pays for page faults is chance, up to a tenth."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        trim_threshold, mmap_threshold, plenty = -1, -3, 1 << 30
        libc.mallopt(trim_threshold, plenty)
        libc.mallopt(mmap_threshold, plenty)


def rows() -> Iterable[BenchRow]:
    """Recorded iterations of a conv VAE and an MLP against unrecorded ones."""
    _keep_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for label, shown, make, rounds in (
            ("VAE", "conv VAE, 1.3 M parameters", _vae, 10),
            ("MLP", "MLP, 0.8 M parameters", _mlp, 30),
        ):
            with tempfile.TemporaryDirectory() as folder:
                yield from _rows_of(label, shown, _measure(make, Path(folder), rounds))
    finally:
        torch.set_num_threads(threads)
