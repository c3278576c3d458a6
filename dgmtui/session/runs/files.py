"""The runs that lie in a directory, as far as the directory itself tells; nothing is opened."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from dgmtui.errors import UsageError
from dgmtui.session.runs.model import RunFiles

ENDINGS = (".h5", ".h5.part")
_RANK = re.compile(r"(?P<stem>.+)\.rank(?P<rank>\d+)\.h5(?P<part>\.part)?")


def find_runs(directory: Path) -> tuple[RunFiles, ...]:
    """The runs, newest first; the files of several ranks are one.

    Raises:
        UsageError: the directory can't be read.
    """
    try:
        with os.scandir(directory) as entries:
            found = {Path(entry.path): stat for entry in entries if (stat := _stat(entry)) is not None}
    except OSError as error:
        raise UsageError(f"{directory} can't be listed ({error.strerror}): name another directory") from error
    runs = [_run(name, paths, found) for name, paths in _by_name(found).items()]
    return tuple(sorted(runs, key=lambda run: (-run.written, run.name)))


def _stat(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """None where it is no recording by its name, or is gone."""
    if not entry.name.endswith(ENDINGS):
        return None
    try:
        return entry.stat()
    except OSError:
        try:
            return entry.stat(follow_symlinks=False)  # a link that leads nowhere: why it can't be read is told
        except OSError:
            return None


def _by_name(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by the name of their run, those of ranks by rank."""
    ranks: dict[str, dict[int, Path]] = {}
    others: list[Path] = []
    for path in sorted(paths):  # what is whole comes before the `.part` that may replace it
        match = _RANK.fullmatch(path.name)
        if match is None:
            others.append(path)
        else:
            ranks.setdefault(match["stem"], {}).setdefault(int(match["rank"]), path)
    runs = {path.name: [path] for path in others}
    for stem, by_rank in ranks.items():
        members = [by_rank[rank] for rank in sorted(by_rank)]
        runs[f"{stem}.rank*.h5" if len(members) > 1 else members[0].name] = members
    return runs


def _run(name: str, paths: list[Path], found: "dict[Path, os.stat_result]") -> RunFiles:
    stats = [found[path] for path in paths]
    stamp = tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)
    return RunFiles(name, tuple(paths), max(stat.st_mtime for stat in stats), stamp)
