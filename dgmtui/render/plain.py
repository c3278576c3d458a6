"""Text for a terminal or a file that has no more than ASCII: every character becomes one, so that columns stay."""

import codecs
import locale
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TextIO

from rich.cells import cell_len

_GLYPHS: Mapping[str, str] = {
    "✗": "x", "▲": "^", "▼": "v", "·": ".", "◆": "*", "▾": "v", "▸": ">", "▶": ">", "✓": "+", "●": "*", "○": "o",
    "■": "#", "□": "=", "▷": "@", "†": "+",
    "█": "#", "▓": "%", "▒": "+", "░": ":", "▀": '"', "▄": "-",
    "▁": "_", "▂": ".", "▃": ":", "▅": "=", "▆": "+", "▇": "*",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "⌫": "<", "↦": ">", "⟨": "<", "⟩": ">",
    "–": "-", "—": "-", "−": "-", "×": "x", "±": "~", "≈": "~", "≤": "<", "≥": ">", "≠": "#",
    "“": '"', "”": '"', "‘": "'", "’": "'", "∂": "d", "Σ": "S", "σ": "s", "ε": "e", "α": "a", "β": "b", "γ": "g",
    "π": "p", "µ": "u", "μ": "u", "√": "V", "⊙": "*", "§": "#", "½": "5", "⁺": "+", "⁻": "-",
}  # fmt: skip
"""Glyphs that carry meaning, each by one that no other of the same place has."""
_VERTICAL, _HORIZONTAL = "│┃║╎╏┆┇┊┋▌▐▎▏▕", "─━═╌╍┄┅┈┉▔"
_ELLIPSES = ((" … ", "..."), (" …", ".."), ("… ", ".."), ("…", "~"))
"""Between two numbers a range, at the end of words or before them what is left out, within a word what was cut."""
_BEYOND = re.compile("[^\x00-\x7f]")
ERRORS = "dgmtui-plain"
"""The name by which a stream's ``errors`` asks for this translation."""


def plain(text: str) -> str:
    """``text`` in ASCII, as wide as it was."""
    if text.isascii():
        return text
    for ellipsis, instead in _ELLIPSES:
        text = text.replace(ellipsis, instead)
    return _BEYOND.sub(lambda found: _ascii(found.group()), text)


@lru_cache(4096)
def _ascii(glyph: str) -> str:
    if 0x2800 <= ord(glyph) < 0x2900:
        return _braille(ord(glyph) - 0x2800)
    if glyph in _GLYPHS:
        return _GLYPHS[glyph]
    if glyph in _VERTICAL or glyph in _HORIZONTAL:
        return "|" if glyph in _VERTICAL else "-"
    if 0x2500 <= ord(glyph) < 0x2580:  # what is left of box drawing are corners and crossings
        return "+"
    letters = "".join(c for c in unicodedata.normalize("NFKD", glyph) if c.isascii())
    width = cell_len(glyph)
    return letters if len(letters) == width else "?" * width


def _braille(bits: int) -> str:
    """Two columns of four dots as the stroke that they come nearest to."""
    left = [y for y, bit in enumerate((0x01, 0x02, 0x04, 0x40)) if bits & bit]
    right = [y for y, bit in enumerate((0x08, 0x10, 0x20, 0x80)) if bits & bit]
    dots = left + right
    if len(dots) >= 6:
        return "#"
    if not (left and right):
        return " " if not dots else "|" if len(dots) > 2 else ":" if len(dots) == 2 else "'" if dots[0] < 2 else "."
    slope = sum(left) / len(left) - sum(right) / len(right)
    if abs(slope) >= 1:
        return "/" if slope > 0 else "\\"
    if max(dots) - min(dots) == 3:
        return "|"
    middle = sum(dots) / len(dots)
    return '"' if middle < 1 else "_" if middle > 2 else "-"


def is_plain(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a terminal or file at ``stream`` has no more than ASCII, as far as its encoding and the locale tell.

    Where no locale is set at all nothing is known, and most terminals have all of Unicode. Python itself writes UTF-8
    in the locale ``C``, which is why the encoding alone does not tell.
    """
    if "utf" not in (getattr(stream, "encoding", None) or locale.getpreferredencoding(False)).lower():
        return True
    if chosen := environment.get("LC_ALL"):
        return chosen in ("C", "POSIX")
    coerced = sys.flags.utf8_mode == 1 and environment.get("LC_CTYPE") in (None, "", "C.UTF-8", "C.utf8", "UTF-8")
    chosen = (None if coerced else environment.get("LC_CTYPE")) or environment.get("LANG")
    return chosen in ("C", "POSIX")


def make_plain(stream: TextIO) -> None:
    """From now on what is not ASCII is translated where it is written; never an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="ascii", errors=ERRORS)


def _translated(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(ERRORS, _translated)
