"""``dgmtui record``: run a script as ``python -m pdb`` would, and watch it."""

import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import torch

from dgmtui import __version__
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.recorder.ending import EXIT_CODE, Ending, Terminated, ending_whole
from dgmtui.recorder.engine import Engine, StopTraining
from dgmtui.recorder.hooks import Hooks
from dgmtui.recorder.ranks import path_of_rank, rank_and_world
from dgmtui.recorder.ring import LAST
from dgmtui.recorder.saying import teller
from dgmtui.recorder.selection import EVERYTHING, Selection
from dgmtui.recorder.threads import others, wait_for_others
from dgmtui.recording.budget import parse_size
from dgmtui.recording.compacting import compact
from dgmtui.recording.model import End, RunInfo
from dgmtui.recording.saying import compacted_words
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
    last: int = LAST,
    last_whole: bool = False,
    on_nonfinite: str = "stop",
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    module: bool = False,
    max_size: str | int | None = None,
    compress: bool = False,
) -> RunOutcome:
    """Run ``script`` (a path, or with ``module`` a module's name) as ``__main__`` and record what it trains.

    The script's arguments, output, exit code and exceptions are its own. Without ``output`` the recording lies in the
    working directory under the script's name, and an older one is not written over. Of the iterations that ``every``
    leaves out, the ``last`` ones before a failure are recorded too, with ``last_whole`` all of them. ``only`` and
    ``without`` are patterns of modules and quantities (``Pattern``) that statistics and series are, or are not, kept
    of. ``max_size``, as ``"2G"`` or in bytes, is the most that the recording (each rank's) takes; ``compress`` compacts
    it when the run has ended.

    Raises:
        UsageError: there is no such script, no such quantity in a pattern, or no such size.
        RecordingError: the recording can't be made there.
    """
    if not module and not Path(script).is_file():
        raise UsageError(f"there is no script {script!r}; name a Python file, or a module after -m")
    stem = script.rpartition(".")[2] if module else Path(script).stem
    path = path_of_rank(Path(output)) if output is not None else _free_name(stem)
    selection = Selection(only, without)
    info, say = run_info(script, args, every, selection), teller()
    writer = RecordingWriter(path, info, max_size=None if max_size is None else parse_size(max_size))
    engine = Engine(
        writer,
        every=every,
        last=last,
        last_whole=last_whole,
        on_nonfinite=on_nonfinite,
        selection=selection,
        say=say,
    )
    say(f"recording to {path}")
    hooks = Hooks(engine, say)

    def close() -> None:
        hooks.finish(End("interrupted", engine.reached, "ended by SIGTERM while it waited"))

    stops: list[StopTraining] = []
    hooks.stopped = stops.append
    with ending_whole(close) as ending:
        hooks.interrupt = ending.raise_if_heard
        with hooks, _as_main(script, args, module):
            code, end = _run_with_threads(script, module, engine, ending)
        if stops and end.reason != "nonfinite":  # in a thread, after which the script went on
            code, end = 1, End("nonfinite", engine.reached, str(stops[0]))
        whole = hooks.finish(end)
    if ending.heard.is_set():
        _leave_threads(code)
    if not whole:
        return RunOutcome(code, path, engine.stopped_at)
    if writer.begun:
        if compress:
            say(_compacted(path))
        say(_summary(engine, path))
    elif not hooks.broken:
        say(NOTHING_SEEN)
    return RunOutcome(code, path, engine.stopped_at)


def run_info(script: str, args: Sequence[str], every: int, selection: Selection = EVERYTHING) -> RunInfo:
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
        every=every,
        rank=rank,
        world_size=world,
        extra=selection.as_extra(),
    )


def _run_with_threads(script: str, module: bool, engine: Engine, ending: Ending) -> tuple[int, End]:
    """Run the script until its threads have ended too, as Python does: one of them may be what trains."""

    def run_main() -> None:
        if module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(Path(script).absolute()), run_name="__main__")

    code, end = _run(run_main, engine, ending)
    if code == EXIT_CODE or next(others(), None) is None:
        return code, end
    later, last = _run(wait_for_others, engine, ending)
    return (later, last) if later else (code, replace(end, iteration=engine.reached))


def _run(act: Callable[[], object], engine: Engine, ending: Ending) -> tuple[int, End]:
    def end(reason: str, message: str = "") -> End:
        return End(reason, engine.reached, message)

    try:
        with ending.in_script():
            act()
    except StopTraining as stop:
        return 1, end("nonfinite", str(stop))
    except SystemExit as stop:
        return _exit_code(stop), end("finished", f"the script exited with {stop.code!r}" if stop.code else "")
    except KeyboardInterrupt as error:
        _show(error)
        return 130, end("interrupted", "interrupted from the keyboard")
    except Terminated:
        return EXIT_CODE, end("interrupted", "ended by SIGTERM")
    except BaseException as error:
        _show(error)
        return 1, end("exception", f"{type(error).__name__}: {error}")
    return 0, end("finished")


def _leave_threads(code: int) -> None:
    """The process was asked to end, and that it would wait for its threads it has not been asked."""
    if next(others(), None) is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


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
    path, number = path_of_rank(Path(f"{stem}.h5")), 2
    while path.exists():
        path, number = path_of_rank(Path(f"{stem}-{number}.h5")), number + 1
    return path


def _compacted(path: Path) -> str:
    """Compact a recording and say what came of it; where that fails it stays as it is."""
    try:
        return compacted_words(compact(path))
    except DgmtuiError as error:
        return f"{path} was not compacted: {error}"
    except KeyboardInterrupt:
        return f"{path} was not compacted: interrupted"


def _summary(engine: Engine, path: Path) -> str:
    rank, world = rank_and_world()
    shown = path if world < 2 else str(path).replace(f".rank{rank}", ".rank*")
    if engine.stopped_at is not None:
        return f"stopped: iteration {engine.stopped_at} is not finite; look at it with: dgmtui {shown}"
    return f"{engine.iteration} iterations recorded; look at them with: dgmtui {shown}"
