"""``dgmtui record``: run a script as ``python -m pdb`` would, and watch it."""

import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import torch

from dgmtui import __version__
from dgmtui.errors import UsageError
from dgmtui.recorder.engine import Engine, StopTraining
from dgmtui.recorder.hooks import Hooks
from dgmtui.recording.model import End, RunInfo
from dgmtui.recording.writer import RecordingWriter

NOTHING_SEEN = "no iteration was seen, as nothing called backward on a loss: there is no recording"


@dataclass(frozen=True)
class RunOutcome:
    """How a recorded run ended."""

    exit_code: int
    """The script's own, or 1 after it was stopped or raised."""
    recording: Path
    stopped_at: int | None
    """The iteration at which it was stopped for a non-finite value."""


def run_script(
    script: str,
    args: Sequence[str] = (),
    *,
    output: str | Path | None = None,
    every: int = 10,
    on_nonfinite: str = "stop",
    module: bool = False,
) -> RunOutcome:
    """Run ``script`` (a path, or with ``module`` a module's name) as ``__main__`` and record what it trains.

    The script's arguments, output, exit code and exceptions are its own. Without ``output`` the recording lies in the
    working directory under the script's name, and an older one is not written over.

    Raises:
        UsageError: there is no such script.
        RecordingError: the recording can't be made there.
    """
    if not module and not Path(script).is_file():
        raise UsageError(f"there is no script {script!r}; name a Python file, or a module after -m")
    path = (
        Path(output) if output is not None else _free_name(script.rpartition(".")[2] if module else Path(script).stem)
    )
    info = run_info(script, args, every)
    writer = RecordingWriter(path, info)
    engine = Engine(writer, every=every, on_nonfinite=on_nonfinite, say=_say)
    _say(f"recording to {path}")
    with Hooks(engine, _say) as hooks, _as_main(script, args, module), _ending_whole():
        code, end = _run(script, module, engine)
    if not hooks.finish(end):
        return RunOutcome(code, path, engine.stopped_at)
    _say(_summary(engine, path) if writer.begun else NOTHING_SEEN)
    return RunOutcome(code, path, engine.stopped_at)


def run_info(script: str, args: Sequence[str], every: int) -> RunInfo:
    """Where, with what and how this run is recorded."""
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
        every=every,
        rank=int(os.environ.get("RANK", 0)),
        world_size=int(os.environ.get("WORLD_SIZE", 1)),
    )


def _run(script: str, module: bool, engine: Engine) -> tuple[int, End]:
    def end(reason: str, message: str = "") -> End:
        return End(reason, engine.iteration if engine.stopped_at is not None else max(0, engine.iteration - 1), message)

    try:
        if module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(Path(script).absolute()), run_name="__main__")
    except StopTraining as stop:
        return 1, end("nonfinite", str(stop))
    except SystemExit as stop:
        return _exit_code(stop), end("finished", f"the script exited with {stop.code!r}" if stop.code else "")
    except KeyboardInterrupt as error:
        _show(error)
        return 130, end("interrupted", "interrupted from the keyboard")
    except _Terminated:
        return 128 + signal.SIGTERM, end("interrupted", "ended by SIGTERM")
    except BaseException as error:
        _show(error)
        return 1, end("exception", f"{type(error).__name__}: {error}")
    return 0, end("finished")


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """As Python would: by the script's own ``sys.excepthook`` where it has one."""
    error.__traceback__ = _users_part(error.__traceback__)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001
        traceback.print_exception(error)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback as the script alone would show it: without ours and runpy's frames above the script's."""
    part = trace
    while part is not None:
        name = part.tb_frame.f_code.co_filename
        if name != __file__ and "runpy" not in name:
            return part
        part = part.tb_next
    return None


class _Terminated(BaseException):
    """The process was asked to end; no ``except Exception`` of the script holds it."""


@contextmanager
def _ending_whole() -> Iterator[None]:
    """On SIGTERM the recording is closed first, unless the script or its caller has a handler of its own."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def terminate(number: int, frame: object) -> None:
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _as_main(script: str, args: Sequence[str], module: bool) -> Iterator[None]:
    """The command line and import path that the script would have alone."""
    argv, path = sys.argv, sys.path[:]
    sys.argv = [script, *args]
    sys.path.insert(0, str(Path.cwd()) if module else str(Path(script).resolve().parent))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path


def _free_name(stem: str) -> Path:
    path, number = Path(f"{stem}.h5"), 2
    while path.exists():
        path, number = Path(f"{stem}-{number}.h5"), number + 1
    return path


def _summary(engine: Engine, path: Path) -> str:
    if engine.stopped_at is not None:
        return f"stopped: iteration {engine.stopped_at} is not finite; look at it with: dgmtui {path}"
    return f"{engine.iteration} iterations recorded; look at them with: dgmtui {path}"


def _say(text: str) -> None:
    print(f"dgmtui: {text}", file=sys.stderr, flush=True)
