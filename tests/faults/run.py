"""Records scripts through ``dgmtui record`` and asks for their findings; what was done before is not done again."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import dgmtui
from faults.forking import ForkServer, Ran
from faults.truth import Truth

PACKAGE = Path(dgmtui.__file__).parent
CACHE = Path(__file__).parent.parent.parent / "build" / "faults"
KEPT = 3
"""Of the folders in the cache, one for each state of the recorder's source: the newest."""
MAKERS = ("cli", "errors.py", "recorder", "recording", "trace")
"""What a recording depends on; the findings depend on the whole package."""


@dataclass(frozen=True)
class Outcome:
    """What ``findings`` says of a recorded script."""

    findings: tuple[dict[str, Any], ...]
    trouble: str = ""
    """Why there are no findings, where recording or reading failed."""
    thinned: bool = False
    """Whether rows or snapshots were left out to keep to ``--max-size``."""


class Runner:
    """Records and asks; from one thread."""

    def __init__(self, server: ForkServer, cache: Path = CACHE) -> None:
        self._server = server
        self._cache = cache / source_hash(MAKERS)

    def outcome(self, script: Path, options: Sequence[str] = ()) -> Outcome:
        """Of the script recorded with these options, done now or before."""
        text = json.dumps([script.read_text(), script.name, *options])
        folder = self._cache / f"{script.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        known = folder / f"findings-{source_hash()}.json"
        if not known.exists():
            recording = self._recording(script, options, folder)
            told = recording if isinstance(recording, str) else self._ask(recording)
            if isinstance(told, str):
                return Outcome((), told)
            _write(known, json.dumps(told))
        told = json.loads(known.read_text())
        return Outcome(tuple(told["findings"]), thinned=told["thinned"])

    def _recording(self, script: Path, options: Sequence[str], folder: Path) -> Path | str:
        """Its path, or why there is none."""
        recording = folder / "recording.h5"
        if recording.exists():
            return recording
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            made = Path(name) / recording.name
            ran = self._server.run(["record", "-o", str(made), *options, str(script)], Path(name))
            if not made.exists():
                return f"it could not be recorded: {_last_line(ran)}"
            made.replace(recording)
        return recording

    def _ask(self, recording: Path) -> dict[str, Any] | str:
        with tempfile.TemporaryDirectory(dir=recording.parent) as name:
            ran = self._server.run([str(recording), "--json", "-c", "findings"], Path(name))
        try:
            told = json.loads(ran.out)
        except json.JSONDecodeError:
            return f"findings failed with code {ran.code}: {_last_line(ran)}"
        if "error" in told:
            return f"findings failed: {told['error']}"
        return {"findings": told["findings"], "thinned": was_thinned(recording)}


def was_thinned(recording: Path) -> bool:
    """Whether old rows or snapshots were left out of it."""
    from dgmtui.recording.reader import open_recording

    with open_recording(str(recording)) as opened:
        return opened.thinned is not None


def _last_line(ran: Ran) -> str:
    return (ran.err.strip() or f"exit code {ran.code}").splitlines()[-1]


def _write(path: Path, text: str) -> None:
    """Whole or not at all: others may look for it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


@cache
def source_hash(parts: tuple[str, ...] = ("",)) -> str:
    """Of the package's source, or of these parts of it."""
    paths = [
        path for part in parts for path in ([PACKAGE / part] if part.endswith(".py") else (PACKAGE / part).rglob("*"))
    ]
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.suffix in (".py", ".c", ".h")):
        digest.update(str(path.relative_to(PACKAGE)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def running() -> Iterator["Corpus"]:
    """As many scripts at a time as there are cores for this process."""
    workers = len(os.sched_getaffinity(0))
    servers = [ForkServer(PACKAGE.parent) for _ in range(workers)]
    pool = ThreadPoolExecutor(workers)
    try:
        yield Corpus(pool, servers)
    finally:
        pool.shutdown(cancel_futures=True)
        for server in servers:
            server.__exit__(None, None, None)
        _forget_old()


class Corpus:
    """Scripts that are recorded and asked, as many at a time as there are servers."""

    def __init__(self, pool: ThreadPoolExecutor, servers: Sequence[ForkServer]) -> None:
        self._pool = pool
        self._free: SimpleQueue[Runner] = SimpleQueue()
        for server in servers:
            self._free.put(Runner(server))

    def submit(self, truth: Truth, options: Sequence[str] = ()) -> "Future[Outcome]":
        """What will be said of it."""
        return self._pool.submit(self._outcome, truth.script, tuple(options))

    def _outcome(self, script: Path, options: tuple[str, ...]) -> Outcome:
        runner = self._free.get()
        try:
            return runner.outcome(script, options)
        finally:
            self._free.put(runner)


def _forget_old() -> None:
    folders = sorted(CACHE.glob("*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
