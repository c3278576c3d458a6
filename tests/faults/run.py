"""Records scripts through ``dgmtui record`` and asks for their findings; what was done before is not done again."""

import hashlib
import json
import os
import re
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
from dgmtui.recording.budget import LEAST, parse_size
from dgmtui.recording.reader import open_recording
from faults.forking import ForkServer
from faults.truth import Truth

PACKAGE = Path(dgmtui.__file__).parent
CACHE = Path(__file__).parent.parent.parent / "build" / "faults"
KEPT = 3
"""Of the folders in the cache, one for each state of the recorder's source: the newest."""
MOST = 1 << 28
"""Bytes of a small recording, at most."""
REFUSED = re.compile(
    r"can't be kept under --max-size .*?(allow it at least (?P<least>[\d.]+[KMG]?)|allow it more)", re.DOTALL
)
"""What ``record`` says of a size that is too small."""
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

    def small(self, script: Path, options: Sequence[str] = ()) -> Outcome:
        """Of the script recorded with the smallest ``--max-size`` that it can be kept under."""
        size = LEAST
        while True:
            outcome = self.outcome(script, [*options, "--max-size", str(size)])
            told = REFUSED.search(outcome.trouble)
            if told is None or size > MOST:
                return outcome
            size = parse_size(told["least"]) + (1 << 20) // 10 if told["least"] else 2 * size

    def _recording(self, script: Path, options: Sequence[str], folder: Path) -> Path | str:
        """Its path, or why there is none."""
        recording, refused = folder / "recording.h5", folder / "refused"
        if refused.exists():
            return refused.read_text()
        if recording.exists():
            return recording
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            made = Path(name) / recording.name
            ran = self._server.run(["record", "-o", str(made), *options, str(script)], Path(name))
            if made.exists() and _ended(made):
                made.replace(recording)
                return recording
            why = f"it could not be recorded: {ran.err.strip()} (exit code {ran.code})"
        if ran.code >= 0:  # else it was killed, as where it took too long
            _write(refused, why)
        return why

    def _ask(self, recording: Path) -> dict[str, Any] | str:
        with tempfile.TemporaryDirectory(dir=recording.parent) as name:
            ran = self._server.run([str(recording), "--json", "-c", "findings"], Path(name))
        try:
            told = json.loads(ran.out)
        except json.JSONDecodeError:
            return f"findings failed with code {ran.code}: {ran.err.strip()}"
        if "error" in told:
            return f"findings failed: {told['error']}"
        return {"findings": told["findings"], "thinned": was_thinned(recording)}


def was_thinned(recording: Path) -> bool:
    """Whether old rows or snapshots were left out of it."""
    with open_recording(str(recording)) as opened:
        return opened.thinned is not None


def _ended(recording: Path) -> bool:
    with open_recording(str(recording)) as opened:
        return opened.end is not None


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

    def submit(self, truth: Truth, options: Sequence[str] = (), *, small: bool = False) -> "Future[Outcome]":
        """What will be said of it; ``small``: recorded with the smallest ``--max-size`` that holds it."""
        return self._pool.submit(self._outcome, truth.script, tuple(options), small)

    def _outcome(self, script: Path, options: tuple[str, ...], small: bool) -> Outcome:
        runner = self._free.get()
        try:
            return runner.small(script, options) if small else runner.outcome(script, options)
        finally:
            self._free.put(runner)


def _forget_old() -> None:
    folders = sorted(CACHE.glob("*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
