"""ASCII in place of glyphs: as wide, told apart, and never an error, in a pipe and on a terminal."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dgmtui.render.plain import is_plain, make_plain, plain

SHIPPED = Path(__file__).parents[2] / "recordings"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Mn", "Me", "Cf", "Mc", "Lm", "Lo", "Sk", "Zl", "Zp"))))
def test_it_is_ascii_and_as_wide(text: str) -> None:
    told = plain(text)
    assert told.isascii() and len(told) == cell_len(text)


def test_meaning_is_kept_apart() -> None:
    assert plain("✗▲·◆▾▸█░") == "x^.*v>#:"
    assert len(set(plain("▁▂▃▄▅▆▇█"))) == 8
    assert plain("0 … 3.2") == "0...3.2" and plain("a long na…") == "a long na~"
    assert plain("├──┤ │") == "+--+ |"


def test_braille_comes_near_to_its_stroke() -> None:
    def cell(*dots: int) -> str:
        return plain(chr(0x2800 + sum(1 << (dot - 1) for dot in dots)))

    assert cell(1, 2, 3, 7) == "|" and cell(1, 4) == '"' and cell(7, 8) == "_" and cell(2, 5) == "-"
    assert cell(7, 3, 2, 4) == "/" and cell(1, 2, 6, 8) == "\\" and cell(*range(1, 9)) == "#"
    assert all(plain(chr(0x2800 + bits)).strip() for bits in range(1, 256))


@pytest.mark.parametrize(
    ("encoding", "environment", "expected"),
    [
        ("ascii", {}, True),
        ("iso8859-1", {"LANG": "de_DE"}, True),
        ("utf-8", {}, False),
        ("utf-8", {"LANG": "en_US.UTF-8"}, False),
        ("utf-8", {"LANG": "C.UTF-8"}, False),
        ("utf-8", {"LANG": "C"}, True),
        ("utf-8", {"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True),
        ("utf-8", {"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
    ],
)
def test_the_encoding_and_the_locale_tell(encoding: str, environment: dict[str, str], expected: bool) -> None:
    assert is_plain(io.TextIOWrapper(io.BytesIO(), encoding=encoding), environment) is expected


def test_a_stream_translates_what_it_can_not_write() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    make_plain(stream)
    print("✗ 0 … 1 ⠿ é 漢", file=stream, flush=True)
    assert raw.getvalue() == b"x 0 ~ 1 # ? ??\n" or raw.getvalue().isascii()


@pytest.mark.parametrize("setting", [{"LANG": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX"}])
def test_in_a_pipe_nothing_but_ascii_is_printed(setting: dict[str, str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONIO"))}
    lines = ("dynamics", "findings --quick", "help", "keys", "module nowhere")
    given_ = [word for line in lines for word in ("-c", line)]
    done = subprocess.run(
        [sys.executable, "-m", "dgmtui", str(SHIPPED / "vae.h5"), *given_, "--batch"],
        env=kept | setting, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and b"Error" not in done.stderr and b"no module" in done.stderr
    assert done.stdout.isascii() and b"2,578" in done.stdout and b"x" in done.stdout
