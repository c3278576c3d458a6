"""Scripts that have a name: recorded while one works, kept in the person's data folder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session import script
from dgmtui.session.folders import scripts_folder

if TYPE_CHECKING:
    from dgmtui.session.diary import Diary

_NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True)
class NamedScript:
    """One that is there."""

    name: str
    file: Path
    commands: int
    first: str
    """Its first command."""


def file_of(name: str) -> Path:
    """Where the script of that name is or would be.

    Raises:
        UsageError: it can't be the name of a file everywhere.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"a script's name has letters, digits, - and _; not {name!r}", word=name)
    return scripts_folder() / f"{name}.dgm"


def existing(name: str) -> Path:
    """The file of a script that is there.

    Raises:
        UsageError: there is none.
    """
    file = file_of(name)
    if not file.is_file():
        raise UsageError(f"no script {name!r}; there are: {', '.join(names()) or 'none'}", word=name)
    return file


def names() -> list[str]:
    """Of all scripts, in alphabetical order; none where the folder can't be read."""
    try:
        return sorted(file.stem for file in scripts_folder().glob("*.dgm"))
    except OSError:
        return []


def named_scripts() -> Sequence[NamedScript]:
    """All that can be read."""
    found = []
    for name in names():
        try:
            lines = script.read(file_of(name))
        except UsageError:
            continue
        found.append(NamedScript(name, file_of(name), len(lines), lines[0].text if lines else ""))
    return found


def start(diary: "Diary", name: str) -> None:
    """Record what is done from now on.

    Raises:
        UsageError: one is being recorded, or the name can't be.
    """
    if diary.naming:
        raise UsageError(f"the script {diary.naming!r} is being recorded; `script stop` ends that")
    file_of(name)
    diary.start_naming(name)


def stop(diary: "Diary", recording: str) -> NamedScript:
    """End the recording and write the script; an earlier one of that name is replaced.

    Raises:
        UsageError: none is being recorded, nothing was done meanwhile, or it can't be written.
    """
    if not diary.naming:
        raise UsageError("no script is being recorded; `script start NAME` begins one")
    name, lines = diary.stop_naming()
    if not lines:
        raise UsageError(f"nothing was done since `script start {name}`: no script was written")
    file = file_of(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make {file.parent}: {error.strerror}") from error
    script.write(file, lines, recording)
    return NamedScript(name, file, len(lines), lines[0])
