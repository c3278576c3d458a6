"""What Tab offers, by command."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording)


LO = ("loss", "logvar", "log(", "log1p(", "log2(", "log10(", "log_softmax(")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("set i", ["set input[0]", "set input:argument0"]),
        ("set param:enc.0.w", ["set param:enc.0.weight"]),
        ("set param:enc.0.weight ", [f"set param:enc.0.weight {way}" for way in ("=", "+=", "-=", "*=", "/=")]),
        ("set param:xv.bias = mean(xv", []),
        ("set param:xv.bias = mean(x", ["set param:xv.bias = mean(xm", "set param:xv.bias = mean(xv"]),
        ("replace ex", ["replace exp"]),
        ("replace exp ", ["replace exp at", "replace exp with"]),
        ("replace relu at e", [f"replace relu at {place}" for place in ("enc", "enc.0", "enc.1")]),
        ("replace exp at node", [f"replace exp at node:{node}" for node in (10, 20, 31)]),
        ("replace exp at xv ", ["replace exp at xv with"]),
        ("replace exp with soft", ["replace exp with softplus"]),
        ("replace exp with softplus ", []),
        ("clamp x", ["clamp xm", "clamp xv"]),
        ("scale enc.", ["scale enc.0", "scale enc.1"]),
        ("print max(abs(lo", [f"print max(abs({name}" for name in LO]),
        ("print grad:xv", ["print grad:xv.weight", "print grad:xv.bias"]),
        ("print mean(xv, 0) ", ["print mean(xv, 0) at"]),
        ("print max(xv) at 20", ["print max(xv) at 2048"]),
        ("print 2*xv+mea", ["print 2*xv+mean("]),
    ],
)  # fmt: skip
def test_what_is_offered(vae: Session, typed: str, offered: list[str]) -> None:
    found = REGISTRY.complete(vae, typed)
    assert (found[: len(offered)] if typed.endswith(") ") else found) == offered


def test_everything_offered_is_understood(vae: Session) -> None:
    for typed in ("set ", "replace ", "replace exp at ", "replace exp with ", "clamp ", "print ", "print grad:"):
        assert len(REGISTRY.complete(vae, typed)) > 3, typed
    assert REGISTRY.complete(None, "print ") == REGISTRY.complete(None, "set ") == []


def test_completing_imports_nothing_slow(vae: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "torch" or name.startswith(("dgmtui.trace.edits",))]:
        monkeypatch.setitem(sys.modules, name, None)
    for typed in ("set ", "replace ", "replace exp with s", "print mean(", "clamp ", "print x at "):
        assert REGISTRY.complete(vae, typed)


def test_a_module_whose_output_an_operation_takes_is_a_place_of_it_and_the_batch_is_an_input(vae: Session) -> None:
    assert "replace exp at xv" in REGISTRY.complete(vae, "replace exp at ")
    assert "set input[0][15] = input[0]" in REGISTRY.complete(vae, "set input[0][15] = in")
