"""``dgmtui record``: run a script as ``python -m pdb`` would, and watch it."""

import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Unpack

from dgmtui.errors import UsageError
from dgmtui.recorder.ending import Ending, Terminated, ending_whole
from dgmtui.recorder.engine import Engine, StopTraining
from dgmtui.recorder.finishing import compacted, recorded_words, stopped_words
from dgmtui.recorder.hooks import Hooks
from dgmtui.recorder.options import Options, Settings
from dgmtui.recorder.ranks import path_of_rank
from dgmtui.recorder.saying import teller
from dgmtui.recorder.starting import start
from dgmtui.recorder.threads import others, wait_for_others
from dgmtui.recording.model import End

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
    module: bool = False,
    **settings: Unpack[Settings],
) -> RunOutcome:
    """Run ``script`` (a path, or with ``module`` a module's name) as ``__main__`` and record what it trains.

    The script's arguments, output, exit code and exceptions are its own. Without ``output`` the recording lies in the
    working directory under the script's name, and an older one is not written over. ``Recorder`` tells of ``settings``.

    Raises:
        UsageError: there is no such script, or a setting can't have this value.
        RecordingError: the recording can't be made there.
    """
    options, say = Options(**settings), teller()
    if not module and not Path(script).is_file():
        raise UsageError(f"there is no script {script}; name a Python file, or a module after -m")
    stem = script.rpartition(".")[2] if module else Path(script).stem
    path = path_of_rank(Path(output)) if output is not None else _free_name(stem)
    writer, engine = start(path, script, args, options, say)
    say(f"recording to {path}")
    hooks = Hooks(engine, say)
    code, whole = _recorded(script, args, module, engine, hooks)
    if whole and writer.begun:
        if options.compress:
            say(compacted(writer.path))
        stopped_at = engine.stopped_at
        say(recorded_words(path, engine.iteration) if stopped_at is None else stopped_words(path, stopped_at))
    elif whole and not hooks.broken:
        say(NOTHING_SEEN)
    return RunOutcome(code, path, engine.stopped_at)


def _recorded(script: str, args: Sequence[str], module: bool, engine: Engine, hooks: Hooks) -> tuple[int, bool]:
    """Run the script to its end and close the recording: the exit code, and whether the recording is whole."""
    stops: list[StopTraining] = []
    hooks.stopped = stops.append
    with ending_whole(lambda said: hooks.finish(End("interrupted", engine.reached, said))) as ending:
        hooks.interrupt = ending.raise_if_heard
        with hooks, _as_main(script, args, module):
            code, end = _run_with_threads(script, module, engine, ending)
        if stops and end.reason != stops[0].reason:  # in a thread, after which the script went on
            code, end = 1, End(stops[0].reason, engine.reached, str(stops[0]))
        whole = hooks.finish(end)
    if ending.heard.is_set():
        _leave_threads(code)
    return code, whole


def _run_with_threads(script: str, module: bool, engine: Engine, ending: Ending) -> tuple[int, End]:
    """Run the script until its threads have ended too, as Python does: one of them may be what trains."""

    def run_main() -> None:
        if module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(Path(script).absolute()), run_name="__main__")

    code, end = _run(run_main, engine, ending)
    if ending.heard.is_set() or next(others(), None) is None:
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
        return 1, end(stop.reason, str(stop))
    except SystemExit as stop:
        return _exit_code(stop), end("finished", f"the script exited with {stop.code!r}" if stop.code else "")
    except KeyboardInterrupt as error:
        _show(error)
        return 130, end("interrupted", "interrupted from the keyboard")
    except Terminated as stop:
        return stop.exit_code, end("interrupted", str(stop))
    except BaseException as error:
        _tell_raised(error, engine, ending)
        _show(error)
        return 1, end("exception", f"{type(error).__name__}: {error}")
    return 0, end("finished")


def _tell_raised(error: BaseException, engine: Engine, ending: Ending) -> None:
    """Whatever comes meanwhile changes nothing for the script: it ends by this exception."""
    with suppress(Exception, KeyboardInterrupt, Terminated), ending.in_script():
        engine.raised(error)


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
