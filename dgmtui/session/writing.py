"""Files that are written whole or not at all."""

import os
import shutil
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write ``text``, as it is, in UTF-8; where there is no room for all of it, what was there stays.

    Raises:
        OSError: it can't be written.
    """
    if file.exists() and not file.is_file():  # a pipe, say, can't be written beside and put in its place
        file.write_text(text, encoding="utf-8", newline="")
        return
    target = file.resolve()
    part = target.with_name(f"{target.name[:200]}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
