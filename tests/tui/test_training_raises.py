"""An exception ends a training: the screen opens on the iteration that raised it, and then it goes on as alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from tests.tui.held import RECORD, SCRIPT, losses_alone, losses_told, shell

IN_PROCESS = """
import sys
import torch
from torch import nn
import dgmtui
torch.manual_seed(5)
model = nn.Linear(8, 8)
optimizer = torch.optim.SGD(model.parameters(), 1e-3)
with dgmtui.Recorder("run.h5", model, optimizer, on_exception="debug"):
    for i in range(30):
        loss = model(torch.randn(16, 8)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i == 13:
            raise KeyError("label")
"""
LIGHTNING = """
import lightning, torch, dgmtui
from torch import nn
class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 8)
    def training_step(self, batch, index):
        return self.net(batch[0][:, :7] if index == 13 else batch[0]).square().mean()
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-3)
data = torch.utils.data.TensorDataset(torch.randn(30 * 16, 8))
lightning.Trainer(
    max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
    callbacks=[dgmtui.LightningRecorder("run.h5", on_exception="debug")],
).fit(Net(), torch.utils.data.DataLoader(data, 16))
"""
TRANSFORMERS = """
import torch, dgmtui
from torch import nn
from transformers import Trainer, TrainingArguments
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.count = nn.Linear(8, 8), 0
    def forward(self, x, labels=None):
        self.count += 1
        z = self.net(x[:, :7] if self.count == 14 else x)
        return {"loss": z.square().mean(), "logits": z}
rows = [{"x": torch.randn(8), "labels": torch.zeros(1)} for _ in range(30 * 16)]
arguments = TrainingArguments("out", per_device_train_batch_size=16, num_train_epochs=1, use_cpu=True, report_to=[],
    save_strategy="no")
recorder = dgmtui.TransformersRecorder("run.h5", on_exception="debug")
Trainer(Net(), arguments, train_dataset=rows, callbacks=[recorder]).train()
"""


def traceback_of(text: str) -> list[str]:
    """A traceback without PyTorch's own lines, whose hooks show there, and without what is said after it."""
    lines = text[text.index("Traceback (most recent call last):") :].replace("\r", "").splitlines()
    others = [line for line in lines if not line.startswith(" ") and not line.startswith("dgmtui:")]
    return [line for line in lines if "train.py" in line] + others


@pytest.mark.parametrize(
    ("where", "said", "line"),
    [
        ("shape", "RuntimeError in iteration 13 at train.py:", 13),
        ("key", "KeyError in iteration 13 at train.py:", 13),
        ("stepped", "ValueError in iteration 13 at train.py:", 14),
    ],
)
def test_the_screen_opens_on_what_raised_and_the_script_then_ends_as_alone(
    where: str, said: str, line: int, tmp_path: Path
) -> None:
    told = losses_alone(tmp_path, where)
    command = [sys.executable, "train.py", where, "alone"]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    with shell(tmp_path) as typed:
        before = typed.state()
        typed.run(f"stty cols 300; {RECORD} {where} told 2> log; echo code $?.; stty cols 80")
        typed.wait_for(said)
        typed.press(":go-on\r")
        typed.wait_for("an exception ended it")
        typed.press("q")
        assert "code 1." in typed.wait_for_prompt("code ")
        assert typed.is_in_order and typed.state() == before
    shown = traceback_of((tmp_path / "log").read_text())
    assert shown == traceback_of(alone.stderr) and len(shown) > 2
    assert losses_told(tmp_path) == told and check(tmp_path / "run.h5").whole
    with open_recording(tmp_path / "run.h5") as recording:
        (event,) = [event for event in recording.events() if event.kind == "exception"]
        assert event.iteration == 13 and recording.iteration_count == line
        assert recording.end is not None and recording.end.reason == "exception"
        assert set(range(line)) <= set(recording.rows.tolist())


@pytest.mark.parametrize("script", [IN_PROCESS, LIGHTNING, TRANSFORMERS], ids=["recorder", "lightning", "transformers"])
def test_so_it_does_for_the_recorder_and_the_callbacks(script: str, tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        (tmp_path / "train.py").write_text(script)
        typed.run(f"{sys.executable} train.py; echo code $?.")
        typed.wait_for("(q ends the training)")
        typed.press("q")
        shown = typed.wait_for_prompt("code ")
        assert "code 1." in shown and shown.count("Traceback") == 1 and typed.is_in_order
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.end is not None and recording.end.reason == "exception"
        assert [event.iteration for event in recording.events() if event.kind == "exception"] == [13]


def test_a_signal_ends_both_where_the_script_itself_records(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        (tmp_path / "train.py").write_text("import os; open('pid', 'w').write(str(os.getpid()))\n" + IN_PROCESS)
        before = typed.state()
        typed.run(f"{sys.executable} train.py; echo code $?.")
        typed.wait_for("(q ends the training)")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        assert "code 143." in typed.wait_for_prompt("code ")
        assert typed.is_in_order and typed.state() == before
    assert check(tmp_path / "run.h5").whole


def test_before_the_first_iteration_there_is_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import nothing_of_this_name")
    command = [sys.executable, "-m", "dgmtui", "record", "--on-exception", "debug", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr
    assert done.stderr.count("there is nothing to open the screen on") == 1


def test_the_command_that_goes_there(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    record = [sys.executable, "-m", "dgmtui", "record", "-o", "run.h5", "train.py", "shape", "told"]
    subprocess.run(record, cwd=tmp_path, capture_output=True, check=False)
    look = [sys.executable, "-m", "dgmtui", "run.h5", "--batch", "-c", "raised"]
    done = subprocess.run(look, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "mat1 and mat2 shapes cannot be multiplied" in done.stdout and "train.py:" in done.stdout
