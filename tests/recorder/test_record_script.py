"""``dgmtui record`` on scripts that know nothing of it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import Match
from dgmtui.trace.birth import first_birth
from dgmtui.trace.replay import load_replay
from dgmtui.trace.verify import verify_elsewhere
from tests.waiting import PATIENCE, follow_until, wait_until

Run = Callable[..., Any]

HEAD = """
import random, sys
import torch, torch.nn.functional as F
from torch import nn
torch.manual_seed(3); random.seed(3)
X = torch.randn(256, 10); Y = (X[:, :3].sum(1) > 0).long()
def tell(loss, model):
    print(float(loss).hex(), [float(p.detach().double().sum()).hex() for p in model.parameters()])
"""

INDEXED = """
model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(35):
    idx = torch.randint(0, 256, (32,))
    loss = F.cross_entropy(model(X[idx]), Y[idx])
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    tell(loss, model)
"""

LOADER = """
from torch.utils.data import DataLoader, TensorDataset
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1); self.norm = nn.BatchNorm1d(4); self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.3); self.head = nn.Linear(40, 2)
    def forward(self, x):
        return self.head(self.drop(self.act(self.norm(self.conv(x[:, None]))).flatten(1)))
net = Net()
def train_one(x, y):
    optimizer.zero_grad()
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
    return loss
optimizer, criterion = torch.optim.Adam(net.parameters(), 1e-2), nn.CrossEntropyLoss()
for epoch in range(3):
    for x, y in DataLoader(TensorDataset(X, Y), 48, shuffle=True):
        tell(train_one(x, y), net)
    net.eval()
    with torch.no_grad():
        print(float(criterion(net(X), Y)).hex())
    net.train()
"""

ANNEALED = """
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(20):
    beta = min(1.0, i / 10)
    loss = F.cross_entropy(model(X), Y) + beta * model.weight.pow(2).sum()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    tell(loss, model)
"""

NO_MODULE = """
w = torch.zeros(10, 2, requires_grad=True)
for i in range(20):
    loss = F.cross_entropy(X @ w, Y)
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
    print(float(loss).hex())
"""

ACCUMULATED = """
model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(12):
    optimizer.zero_grad()
    for part in range(3):
        x, y = X[part::3], Y[part::3]
        loss = F.cross_entropy(model(x), y) / 3
        loss.backward()
    optimizer.step()
    tell(loss, model)
"""

GAN = """
G = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))
D = nn.Sequential(nn.Linear(10, 8), nn.LeakyReLU(), nn.Linear(8, 1))
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for i in range(14):
    real = X[torch.randint(0, 256, (16,))]
    for _ in range(2):
        fake = G(torch.randn(16, 4)).detach()
        ld = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
        od.zero_grad(); ld.backward(); od.step()
    lg = F.softplus(-D(G(torch.randn(16, 4)))).mean()
    og.zero_grad(); lg.backward(); og.step()
    tell(lg, G)
"""

BARE = """
w, scale = nn.Parameter(torch.zeros(10, 2)), torch.ones(2, requires_grad=True)
optimizer = torch.optim.Adam([w, scale], lr=0.05)
for i in range(16):
    loss = F.cross_entropy(X @ w * scale, Y)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print(float(loss).hex(), float(w.detach().sum()).hex())
"""

LOOPS = {"indexed": (INDEXED, 35), "loader": (LOADER, 18), "annealed": (ANNEALED, 20), "no module": (NO_MODULE, 20),
         "accumulated": (ACCUMULATED, 12), "gan": (GAN, 14), "bare parameter": (BARE, 16)}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_recording_changes_no_bit_and_every_snapshot_replays(run: Run, name: str) -> None:
    loop, iterations = LOOPS[name]
    alone, recorded = run(HEAD + loop, recorded=False), run(HEAD + loop, options=("--every", "4"))
    assert (recorded.code, recorded.out) == (0, alone.out), recorded.err
    with open_recording(recorded.recording) as recording:
        assert recording.iteration_count == iterations
        assert recording.end is not None and recording.end.reason == "finished"
        assert np.isfinite(recording.losses()).all()
        assert recording.snapshots
        assert len({(s.iteration, s.turn) for s in recording.snapshots}) == len(recording.snapshots)
        for snapshot in recording.snapshots:
            assert snapshot.verdict.forward is Match.MATCHES, (snapshot.iteration, snapshot.verdict)
            assert snapshot.verdict.gradient is Match.MATCHES, (snapshot.iteration, snapshot.verdict)
            assert any(tensor.startswith("grad:") for tensor in snapshot.tensors)
            again = verify_elsewhere(load_replay(recording, snapshot), recording, snapshot)
            assert again.forward in (Match.MATCHES, Match.AGREES), again


def test_two_models_keep_their_names_from_the_first_iteration_on(run: Run) -> None:
    recorded = run(HEAD + GAN)
    with open_recording(recorded.recording) as recording:
        paths = [module.path for module in recording.modules]
        assert sorted(paths) == ["D", "D.0", "D.1", "D.2", "G", "G.0", "G.1", "G.2"]
        assert {channel.module for channel in recording.channels} == set(paths)
        called = {call.module for s in recording.snapshots for call in load_replay(recording, s).graph.calls}
        assert called == set(paths)
        assert {s.turn for s in recording.snapshots} == {"1", "2", "3"}


def test_a_data_set_that_is_only_indexed_is_not_stored(run: Run) -> None:
    recorded = run(HEAD + INDEXED)
    with open_recording(recorded.recording) as recording:
        tensors = recording.snapshots[-1].tensors
        assert "input:Y" not in tensors and "input:Y[idx]" in tensors, sorted(tensors)
        assert max(spec.shape[0] for name, spec in tensors.items() if name.startswith("input:")) == 32


STALE_NAN = """
first, second = nn.Linear(10, 8), nn.Linear(8, 2)
optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
for i in range(8):
    x = X[:32].clone()
    factor = 3.0 if i == 5 else 1.0
    if i == 5:
        x[4] = float("nan")
    loss = F.cross_entropy(second(first(x) * factor), Y[:32])
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


def test_a_replay_that_differed_in_the_training_matches_nowhere_else(run: Run) -> None:
    """Both losses are NaN, and NaN equals NaN proves nothing: the trace has another number in it than iteration 5."""
    recorded = run(HEAD + STALE_NAN)
    with open_recording(recorded.recording) as recording:
        snapshot = recording.snapshots[-1]
        assert (snapshot.iteration, snapshot.reason) == (5, "failing")
        assert snapshot.verdict.forward is Match.DIFFERS, snapshot.verdict
        assert verify_elsewhere(load_replay(recording, snapshot), recording, snapshot).forward is Match.DIFFERS


def test_a_changing_number_makes_every_iteration_traced_and_says_so(run: Run) -> None:
    recorded = run(HEAD + ANNEALED)
    assert "every one is traced" in recorded.err
    with open_recording(recorded.recording) as recording:
        assert any(event.kind == "trace" for event in recording.events())


FAILS_FORWARD = """
model = nn.Sequential(nn.Linear(10, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
X[77, 2] = 3e4
order = torch.arange(256).roll(100)
for i in range(40):
    idx = order[(i * 7) % 256:][:7]
    out = model(X[idx])
    loss = torch.exp(out.abs()).mean() * 1e-3
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


def test_a_forward_failure_is_stopped_before_the_update_and_told_exactly(run: Run) -> None:
    recorded = run(HEAD + FAILS_FORWARD)
    assert recorded.code == 1 and "stopped: iteration" in recorded.err and "Traceback" not in recorded.err
    with open_recording(recorded.recording) as recording:
        snapshot = recording.snapshots[-1]
        assert snapshot.reason == "failing" and snapshot.verdict.forward is Match.MATCHES
        birth = first_birth(load_replay(recording, snapshot))
        assert birth is not None and (birth.op, birth.phase, birth.module) == ("aten.exp", "forward", "")
        assert birth.source is not None and birth.source.text.startswith("loss = torch.exp(out.abs())")
        assert birth.sample is not None and snapshot.extra["dataset_index"][birth.sample] == 77
        found = recording.first_nonfinite()
        assert recording.end is not None and recording.end.reason == "nonfinite"
        assert recording.last_iteration == snapshot.iteration == recording.rows[-1]
        assert found is None or found.iteration == snapshot.iteration


FAILS_BACKWARD = """
model = nn.Linear(10, 4, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
X[40] = 0
for i in range(30):
    x = X[i * 3: i * 3 + 3]
    norm = (model(x) ** 2).sum(1).sqrt()
    loss = F.mse_loss(norm, torch.ones(3))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_a_backward_failure_names_the_derivative_and_the_sample(run: Run) -> None:
    recorded = run(HEAD + FAILS_BACKWARD)
    assert recorded.code == 1, recorded.err
    with open_recording(recorded.recording) as recording:
        snapshot = recording.snapshots[-1]
        assert (snapshot.iteration, snapshot.reason) == (13, "failing")
        assert (snapshot.verdict.forward, snapshot.verdict.gradient) == (Match.MATCHES, Match.MATCHES), snapshot.verdict
        birth = first_birth(load_replay(recording, snapshot))
        assert birth is not None and (birth.op, birth.phase) == ("aten.sqrt", "backward")
        assert birth.sample == 1 and birth.source is not None and "sqrt()" in birth.source.text


def test_on_continue_the_training_goes_on_and_the_first_failure_is_kept(run: Run) -> None:
    recorded = run(HEAD + FAILS_BACKWARD, options=("--on-nonfinite", "continue"))
    assert recorded.code == 0, recorded.err
    with open_recording(recorded.recording) as recording:
        assert recording.iteration_count == 30
        assert [s.iteration for s in recording.snapshots if s.reason == "failing"] == [13]
        assert not np.isfinite(recording.losses()[14:]).any()


def test_the_users_exception_is_what_is_seen_and_the_recording_is_whole(run: Run) -> None:
    source = HEAD + INDEXED.replace("    tell(loss, model)", "    if i == 20: raise ValueError('the data ran out')")
    alone, recorded = run(source, recorded=False), run(source)
    assert recorded.code == alone.code == 1
    traceback = [line for line in recorded.err.splitlines() if not line.startswith("dgmtui:")]
    assert "\n".join(traceback).replace("<module>", "") == alone.err.strip().replace("<module>", "")
    report = check(recorded.recording)
    assert report.whole and report.last_iteration == 20 and report.end is not None
    assert report.end.message == "ValueError: the data ran out"


def test_what_cannot_be_parsed_and_the_scripts_own_excepthook_are_shown_as_python_does(run: Run) -> None:
    alone, recorded = run("x = (\n", recorded=False), run("x = (\n")
    assert recorded.code == 1
    assert "".join(line for line in recorded.err.splitlines(True) if not line.startswith("dgmtui:")) == alone.err
    hooked = run("import sys\nsys.excepthook = lambda kind, error, _: print('mine', error)\nraise ValueError(3)\n")
    assert (hooked.code, hooked.out) == (1, "mine 3\n")


FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = 1_500_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
model = nn.Sequential(nn.Linear(10, 300), nn.Tanh(), nn.Linear(300, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(60):
    loss = F.cross_entropy(model(X), Y)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    tell(loss, model)
"""


def test_where_the_disk_is_full_the_training_goes_on_to_its_own_end(run: Run) -> None:
    alone, recorded = run(HEAD + FULL, recorded=False), run(HEAD + FULL, options=("--every", "1"))
    assert (recorded.code, recorded.out) == (0, alone.out), recorded.err
    assert "can't be written further" in recorded.err and "Traceback" not in recorded.err


def test_arguments_exit_code_and_main_are_the_scripts_own(run: Run) -> None:
    source = "import sys, os\nos.chdir('/')\nprint(sys.argv[1:], __name__, os.path.isfile(__file__))\nsys.exit(7)\n"
    recorded = run(source, "--lr", "0.1", "-o", "x")
    assert recorded.code == 7 and "['--lr', '0.1', '-o', 'x'] __main__ True" in recorded.out


def test_a_killed_run_opens_and_says_until_when_it_is_whole(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text(HEAD + INDEXED.replace("range(35)", "range(10**9)").replace("tell(loss, model)", "pass"))
    process = subprocess.Popen([sys.executable, "-m", "dgmtui", "record", "-o", str(tmp_path / "k.h5"), str(script)])
    wait_until((tmp_path / "k.h5").exists)
    with open_recording(tmp_path / "k.h5") as recording:
        follow_until(recording, lambda: recording.last_iteration > 10 and recording.snapshots)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    report = check(tmp_path / "k.h5")
    assert report.exit_code == 0 and report.end is None and report.last_iteration > 10
    with open_recording(tmp_path / "k.h5") as recording:
        assert recording.live and np.isfinite(recording.losses()).all() and recording.snapshots


def test_a_terminated_run_is_closed_whole(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text(HEAD + INDEXED.replace("range(35)", "range(10**9)").replace("tell(loss, model)", "pass"))
    process = subprocess.Popen([sys.executable, "-m", "dgmtui", "record", "-o", str(tmp_path / "t.h5"), str(script)])
    wait_until((tmp_path / "t.h5").exists)
    process.terminate()
    assert process.wait(PATIENCE) == 143
    report = check(tmp_path / "t.h5")
    assert report.whole and report.end is not None and report.end.message == "ended by SIGTERM"


TRAINED = """
import os, signal, time
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(31):
    loss = F.cross_entropy(model(X), Y)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


@pytest.mark.parametrize("end", ["os._exit(5)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_last_iteration_before_a_pause_is_not_lost_where_python_is_not_asked(tmp_path: Path, end: str) -> None:
    script, path = tmp_path / "pauses.py", tmp_path / "run.h5"
    script.write_text(HEAD + TRAINED + "sys.stdin.readline()\n" + end)
    command = [sys.executable, "-m", "dgmtui", "record", "-o", str(path), str(script)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    wait_until(path.exists)
    with open_recording(path) as recording:
        follow_until(recording, lambda: 30 in recording.rows)
    process.communicate(b"\n", timeout=PATIENCE)
    assert process.returncode in (5, -signal.SIGKILL)
    with open_recording(path) as recording:
        assert recording.end is None and recording.last_iteration == 30 and recording.rows[-1] == 30


def test_ctrl_c_ends_the_run_as_it_does_alone(run: Run) -> None:
    source = HEAD + TRAINED + "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"
    alone, recorded = run(source, recorded=False), run(source)
    shown = "".join(line for line in recorded.err.splitlines(True) if not line.startswith("dgmtui:"))
    assert recorded.code == 130 and shown == alone.err
    report = check(recorded.recording)
    assert report.whole and report.end is not None and (report.end.reason, report.end.iteration) == ("interrupted", 30)


THREAD = """
import os, signal, threading, time
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def train():
    for i in range(COUNT):
        loss = F.cross_entropy(model(X * float("nan") if i == BAD else X), Y)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        if i == 20:
            begun.set()
begun = threading.Event()
threading.Thread(target=train).start()
begun.wait()
"""


def test_a_thread_that_trains_on_after_the_script_is_recorded_to_its_end(run: Run) -> None:
    recorded = run("COUNT, BAD = 400, -1\n" + HEAD + THREAD)
    assert recorded.code == 0, recorded.err
    report = check(recorded.recording)
    assert report.last_iteration == 399 and report.end is not None and report.end.iteration == 399


def test_a_thread_that_fails_ends_the_run_with_the_stop_and_no_traceback(run: Run) -> None:
    recorded = run("COUNT, BAD = 400, 300\n" + HEAD + THREAD + "print('done')\n")
    assert (recorded.code, recorded.out) == (1, "done\n") and "Traceback" not in recorded.err
    report = check(recorded.recording)
    assert report.end is not None and (report.end.reason, report.end.iteration) == ("nonfinite", 300)


def test_a_process_that_is_asked_to_end_does_not_wait_for_its_thread(run: Run) -> None:
    recorded = run("COUNT, BAD = 10**9, -1\n" + HEAD + THREAD + "os.kill(os.getpid(), signal.SIGTERM)\n")
    assert recorded.code == 143
    report = check(recorded.recording)
    assert report.whole and report.end is not None and report.end.message == "ended by SIGTERM"


def test_leaving_in_mid_loop_closes_the_recording_whole(run: Run) -> None:
    left = run(HEAD + INDEXED.replace("tell(loss, model)", "if i == 9: sys.exit(3)"))
    report = check(left.recording)
    assert left.code == 3 and report.whole and report.last_iteration == 9


@pytest.mark.parametrize(
    ("script", "code"), [("print('no training here')", 0), ("raise ValueError('early')", 1), ("x = (", 1)]
)
def test_what_never_trains_leaves_no_recording(run: Run, script: str, code: int) -> None:
    never = run(script)
    assert never.code == code and "no iteration was seen" in never.err
    assert not list(never.recording.parent.glob("*.h5*"))


def test_a_device_is_not_replaced_by_a_recording(run: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused = run("print('I ran')", options=("-o", str(pipe)))
    assert refused.code == 2 and refused.out == "" and "a device or a pipe" in refused.err
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_where_nothing_can_be_written_the_script_is_not_run(run: Run, tmp_path: Path) -> None:
    refused = run("print('I ran')", options=("-o", str(tmp_path / "missing" / "r.h5")))
    assert refused.code == 2 and refused.out == ""
    assert len(refused.err.strip().splitlines()) == 1 and "does not exist" in refused.err


def test_where_files_cannot_be_made_the_script_is_not_run(run: Run) -> None:
    refused = run("print('I ran')", options=("-o", "/proc/run.h5"))
    assert (refused.code, refused.out) == (2, "") and len(refused.err.strip().splitlines()) == 1


CLOSED = """
import os
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(9):
    beta = i / 9  # of which the recorder has something to say
    loss = F.cross_entropy(model(X), Y) + beta * model.weight.pow(2).sum()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    if i == 0:
        os.chdir("/")
        CLOSE
"""


@pytest.mark.parametrize("close", ["sys.stdout.close(); sys.stderr.close()", "os.close(2)", "sys.stderr = None"])
def test_a_script_that_closes_its_streams_and_goes_elsewhere_ends_well(run: Run, close: str) -> None:
    recorded = run(HEAD + CLOSED.replace("CLOSE", close))
    assert recorded.code == 0
    report = check(recorded.recording)
    assert report.whole and report.last_iteration == 8


WORKERS = LOADER.replace("48, shuffle=True", "48, shuffle=True, num_workers=2, multiprocessing_context='fork'")


def test_forked_workers_are_left_alone(run: Run) -> None:
    assert WORKERS != LOADER
    alone, recorded = run(HEAD + WORKERS, recorded=False), run(HEAD + WORKERS)
    assert (recorded.code, recorded.out) == (0, alone.out), recorded.err
    with open_recording(recorded.recording) as recording:
        assert recording.iteration_count == 18
        assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots)


CHILDREN = """
import multiprocessing as mp
from torch.utils.data import DataLoader, TensorDataset
def train(seed, queue=None):
    torch.manual_seed(seed)
    model = nn.Linear(10, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for i in range(9):
        loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
    tell(loss, model)
    return queue and queue.put(loss.item())
if __name__ == "__main__":
    train(0)
    for method in ("fork", "spawn"):
        context = mp.get_context(method)
        queue = context.Queue()
        child = context.Process(target=train, args=(1, queue))
        child.start(); print(queue.get(), flush=True); child.join(); print(child.exitcode)
        loader = DataLoader(TensorDataset(X, Y), 64, num_workers=2, persistent_workers=True,
                            multiprocessing_context=method)
        print([float(x.sum()) for epoch in range(2) for x, y in loader])
    train(2)
"""


def test_children_that_train_or_load_are_left_alone_whatever_starts_them(run: Run) -> None:
    alone, recorded = run(HEAD + CHILDREN, recorded=False), run(HEAD + CHILDREN)
    assert (recorded.code, sorted(recorded.out)) == (0, sorted(alone.out)), recorded.err
    with open_recording(recorded.recording) as recording:
        assert recording.iteration_count == 18 and recording.end is not None


@pytest.mark.parametrize("limit", (20_000, 400_000, 5_000_000))
def test_what_fitted_on_a_full_disk_is_whole_and_says_that_the_recording_stopped(
    run: Run, tmp_path: Path, limit: int
) -> None:
    recorded = run(
        HEAD + FULL.replace("1_500_000", str(limit)).replace("range(60)", "range(600)"), options=("--every", "1")
    )
    assert recorded.code == 0 and "Traceback" not in recorded.err
    if not recorded.recording.exists():
        assert limit < 1_000_000 and not list(tmp_path.glob("*.part")), "nothing half made is left"
        return
    assert limit > 1_000_000
    report = check(recorded.recording)
    assert report.exit_code == 0 and "abandoned" in report.lines[0], report.lines


LONG = """
import gc
import numpy.ma  # the look at what goes wrong loads it at some time
model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(10_001):
    loss = F.cross_entropy(model(X[:16]), Y[:16])
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    if i in (2000, 10_000):
        gc.collect()
        pages = int(open("/proc/self/statm").read().split()[1])
        print(sum(isinstance(o, torch.Tensor) for o in gc.get_objects()), len(gc.get_objects()), pages * 4096)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory")
def test_ten_thousand_iterations_take_no_more_memory_than_two_thousand(run: Run) -> None:
    recorded = run(HEAD + LONG)
    (tensors, objects, memory), (later_tensors, later_objects, later) = (
        map(int, line.split()) for line in recorded.out.splitlines()
    )
    assert later_tensors == tensors
    assert later_objects < objects + 1000, "what is kept of a snapshot each power of two"
    assert later < memory + (4 << 20)


SWALLOWED = """
import os, signal, weakref
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
for i in range(40):
    loss = F.cross_entropy(model(X), Y)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    if i == 20:
        Thing()
    print(i)
"""


def test_a_signal_that_python_swallows_ends_the_run_at_the_next_backward_pass(run: Run) -> None:
    recorded = run(HEAD + SWALLOWED)
    assert recorded.code == 143 and recorded.out.splitlines()[-1] == "20"
    with open_recording(recorded.recording) as recording:
        assert recording.end is not None and recording.end.message == "ended by SIGTERM"


def test_a_script_that_goes_elsewhere_is_recorded_where_it_was_started(run: Run, tmp_path: Path) -> None:
    ran = run("import os\nos.mkdir('sub')\nos.chdir('sub')\n" + HEAD + INDEXED, options=("-o", "here.h5", "--compress"))
    assert ran.code == 0 and "was not compacted" not in ran.err
    with open_recording(tmp_path / "here.h5") as recording:
        assert recording.end is not None and recording.end.reason == "finished" and recording.rounding
    assert not list((tmp_path / "sub").iterdir())
