"""A small recording that fails as trainings do, built without a training."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from dgmtui.recording import open_recording
from dgmtui.recording.model import (
    MEASURES,
    Channel,
    End,
    Match,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    StoredTensor,
    Verdict,
)
from dgmtui.session.session import Session
from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Outside, OutsideRef, Source, TensorMeta
from tests.benchmarks.deep_network import write_deep
from tests.terminal import offered_the_tour

if TYPE_CHECKING:
    from dgmtui.recording.writer import RecordingWriter


def pytest_configure() -> None:
    """One thread an operation, unless asked for more: threads that wait by spinning make a busy machine crawl."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# Properties are tried on the same examples at every run in CI (and of `make test`), where a chance failure stops
# everybody, and on new ones elsewhere, where it is a discovery. How long an example takes says how busy the machine is:
# no property is held to it. The fixtures that some take are read only, or a folder that every example writes anew.
EXAMPLES = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", EXAMPLES, derandomize=True)
settings.register_profile("random", EXAMPLES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "random"))

LAST = 30
SAMPLES, UNITS, FEATURES = 4, 3, 2
BAD_SAMPLE, BAD_UNIT = 2, 1

MODULES = (
    ModuleInfo("", "Net", None, (SAMPLES, UNITS), 1),
    ModuleInfo(
        "enc", "Linear", "", (SAMPLES, UNITS), 1, ("weight", "bias"), "in_features=2, out_features=3, bias=True"
    ),
)
CHANNELS = (
    Channel("", Quantity.ACTIVATION, UNITS),
    Channel("enc", Quantity.ACTIVATION, UNITS),
    Channel("enc", Quantity.WEIGHT_GRADIENT, UNITS),
)
INFO = RunInfo(
    created="2026-01-01T00:00:00Z", dgmtui_version="0.1.0", torch_version="2.13.0", python_version="3.11.0",
    script="train.py", argv=("train.py",), directory="/tmp", device="cpu", threads=1, cpu_capability="AVX2", every=1,
)  # fmt: skip

WEIGHT = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]], np.float32)
BIAS = np.array([0.5, 0.25, -0.5], np.float32)
HEALTHY = np.array([[0.1, 0.2], [0.3, -0.2], [0.5, 0.5], [-0.4, 0.3]], np.float32)


def inputs_at(iteration: int) -> np.ndarray:
    """``[4, 2]``, float32; the last iteration's sample 2 makes exp overflow at unit 1."""
    x = HEALTHY * np.float32(1 + 0.01 * iteration)
    if iteration == LAST:
        x = x.copy()
        x[BAD_SAMPLE] = 20.0
    return x


def outputs_at(iteration: int) -> np.ndarray:
    """``[4, 3]``, what ``enc`` gives."""
    return inputs_at(iteration) @ WEIGHT.T + BIAS


def loss_at(iteration: int) -> float:
    """The mean of the exponentials."""
    with np.errstate(over="ignore"):
        return float(np.exp(outputs_at(iteration)).mean(dtype=np.float32))


def graph() -> Graph:
    """mean(exp(x Wᵀ + b)): the linear layer in ``enc``, the exponential in the root."""

    def meta(*shape: int, grad: bool = False) -> TensorMeta:
        stride = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
        return TensorMeta("float32", shape, stride, "cpu", grad)

    weight, bias, x = OutsideRef("param:enc.weight"), OutsideRef("param:enc.bias"), OutsideRef("input:x")
    turned = TensorMeta("float32", (FEATURES, UNITS), (1, FEATURES), "cpu")
    line = Source("train.py", 12, "forward", "return self.enc(x).exp()")
    loss = Source("train.py", 20, "train", "loss = model(x).mean()")
    return Graph(
        nodes=(
            Node(0, "aten.t.default", (weight,), {}, (turned,), 1, line),
            Node(1, "aten.addmm.default", (bias, x, NodeRef(0)), {}, (meta(SAMPLES, UNITS),), 1, line),
            Node(2, "aten.exp.default", (NodeRef(1),), {}, (meta(SAMPLES, UNITS),), 0, line),
            Node(3, "aten.mean.default", (NodeRef(2),), {}, (meta(),), -1, loss),
        ),
        outside={
            weight.name: Outside(weight.name, "parameter", meta(UNITS, FEATURES, grad=True)),
            bias.name: Outside(bias.name, "parameter", meta(UNITS, grad=True)),
            x.name: Outside(x.name, "input", meta(SAMPLES, FEATURES), "argument 0 of Net"),
        },
        calls=(
            Call(0, "", "Net", 0, -1, (x,), (NodeRef(2),), True, 0, 3),
            Call(1, "enc", "Linear", 0, 0, (x,), (NodeRef(1),), True, 0, 2),
        ),
        loss=NodeRef(3),
        signature="Net(4×2)",
        torch_version="2.13.0",
    )


def stored(array: np.ndarray) -> StoredTensor:
    """As the recorder stores it."""
    return StoredTensor("float32", array.shape, np.frombuffer(array.astype(np.float32).tobytes(), np.uint8))


def statistics_of(values: np.ndarray) -> np.ndarray:
    """``[9]``, float64, in the order of STATISTICS."""
    finite = values[np.isfinite(values)].astype(np.float64)
    ends = (
        (finite.min(), finite.max(), finite.mean(), finite.std(), np.abs(finite).max())
        if finite.size
        else (np.nan,) * 5
    )
    bad = (np.isnan(values).sum(), np.isposinf(values).sum(), np.isneginf(values).sum())
    return np.array([*ends, (values == 0).mean(), *bad], np.float64)


def write_small(path: Path, *, fails: bool = True, end: bool = True) -> Path:
    """31 iterations of a linear layer and an exponential, snapshots at 0, 16 and the last, which overflows."""
    from dgmtui.recording.writer import RecordingWriter

    writer = RecordingWriter(path, INFO)
    writer.begin(MODULES, CHANNELS)
    last = LAST if fails else LAST - 1
    trace = writer.add_trace(graph().to_json())
    for iteration in range(last + 1):
        _write_iteration(writer, iteration)
        if iteration in (0, 16, LAST):
            _write_snapshot(writer, iteration, trace)
    reason = "nonfinite" if fails else "finished"
    writer.close(End(reason, last, "") if end else None)
    return path


def _write_iteration(writer: "RecordingWriter", iteration: int) -> None:
    hidden = outputs_at(iteration)
    with np.errstate(over="ignore"):
        output = np.exp(hidden)
    gradient = np.abs(hidden).mean(axis=0)
    per_channel = [output, hidden, gradient]
    statistics = np.stack([statistics_of(values) for values in per_channel])
    seen = range(len(CHANNELS))
    if iteration == LAST:  # it is stopped at its loss, before the backward pass
        statistics[2], seen = (np.nan,) * 6 + (0, 0, 0), range(2)
    series = {
        (i, measure): np.atleast_2d(per_channel[i]).mean(axis=0).astype(np.float32)
        for i in seen
        for measure in MEASURES[CHANNELS[i].quantity]
    }
    writer.add_iteration(iteration, loss_at(iteration), 0.01)
    writer.add_row(iteration, statistics, series)
    if not np.isfinite(output).all():
        writer.add_nonfinite(
            NonFinite(iteration, "", Quantity.ACTIVATION, BAD_UNIT, 0, int(np.isposinf(output).sum()), 0)
        )


def _write_snapshot(writer: "RecordingWriter", iteration: int, trace: int) -> None:
    tensors = {"param:enc.weight": WEIGHT, "param:enc.bias": BIAS, "input:x": inputs_at(iteration)}
    writer.add_snapshot(
        iteration=iteration,
        turn="",
        reason="failing" if iteration == LAST else "scheduled",
        trace=trace,
        loss=loss_at(iteration),
        verdict=Verdict(Match.MATCHES, Match.NOT_MADE, ""),
        tensors={name: stored(array) for name, array in tensors.items()},
    )


@pytest.fixture(scope="session")
def small_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fails at iteration 30: sample 2, unit 1 of ``enc`` is 160.25, too much for exp. Read only."""
    return write_small(tmp_path_factory.mktemp("recording") / "small.h5")


@pytest.fixture
def session(small_recording: Path) -> Iterator[Session]:
    """A session that begins on it."""
    with open_recording(small_recording) as recording:
        yield Session(recording)


@pytest.fixture
def make_recording(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording of one's own: ``make_recording(fails=False)``."""

    def make(name: str = "own.h5", **options: bool) -> Path:
        return write_small(tmp_path / name, **options)

    return make


@pytest.fixture(scope="session")
def observed() -> Callable[..., Any]:
    """``observed("failure", SCRIPT)``: what ``tests/scripts/observe.py`` sees, in a process without dgmtui."""
    script = Path(__file__).parent / "scripts" / "observe.py"

    @cache
    def observe(*arguments: str) -> Any:
        line = [sys.executable, str(script), *arguments]
        done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=script.parents[2])
        return json.loads(done.stdout.splitlines()[-1])

    return observe


@pytest.fixture(scope="session")
def deep_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,003 modules, of which the last has 100,000 units; ``benchmarks/deep_network.py`` says what is ill in it."""
    return write_deep(tmp_path_factory.mktemp("deep") / "deep.h5", blocks=1000, units=100_000)


@pytest.fixture(autouse=True)
def _folders_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what the person who runs it has kept."""
    base = tmp_path_factory.getbasetemp()
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(base / f"of-nobody-{os.getpid()}" / name))
    offered_the_tour(base / f"of-nobody-{os.getpid()}" / "XDG_STATE_HOME")
