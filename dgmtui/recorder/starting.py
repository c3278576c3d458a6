"""The beginning of a recording: its file, what is told there of the run, and the engine that writes into it."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from dgmtui import __version__
from dgmtui.recorder.engine import Engine
from dgmtui.recorder.options import Options
from dgmtui.recorder.ranks import rank_and_world
from dgmtui.recording.model import RunInfo
from dgmtui.recording.writer import RecordingWriter
from dgmtui.recording.writers import WRITER, this_process


def start(
    path: Path, script: str, args: Sequence[str], options: Options, say: Callable[[str], None]
) -> tuple[RecordingWriter, Engine]:
    """Make the recording of a run of ``script``; ``RecordingError`` where it can't be made there."""
    path = path.absolute()  # the script may go elsewhere
    writer = RecordingWriter(path, run_info(script, args, options), max_size=options.max_bytes)
    return writer, Engine(writer, options, say=say)


def run_info(script: str, args: Sequence[str], options: Options) -> RunInfo:
    """Where, with what and how this run is recorded."""
    rank, world = rank_and_world()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return RunInfo(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dgmtui_version=__version__,
        torch_version=torch.__version__,
        python_version=sys.version.split()[0],
        script=script,
        argv=tuple(args),
        directory=str(Path.cwd()),
        device=device,
        threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        every=options.every,
        rank=rank,
        world_size=world,
        extra=options.as_extra() | {WRITER: this_process()},
    )
