"""FORMAT.md names every dataset that a recording has, with its type and number of axes."""

from collections.abc import Callable
from pathlib import Path

import h5py

import dgmtui.recording
from dgmtui.recording.schema import Committed, LogKind


def test_every_dataset_is_documented(sample: Callable[..., Path]) -> None:
    page = (Path(dgmtui.recording.__file__).parent / "FORMAT.md").read_text()
    lines = page.splitlines()
    found: dict[str, h5py.Dataset] = {}
    with h5py.File(sample(), "r") as file:
        file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        for name, item in found.items():
            shown = "/series/ID/MEASURE" if name.startswith("series/") else f"/{name}"
            kind = str(item.dtype)
            (line,) = [line for line in lines if line.startswith((f"| `{shown}`", "## ")) and f"`{shown}`" in line]
            assert name.startswith("about/") or kind in line, (name, kind)
    assert set(found) > {"committed", "series/0/mean", "late/series"}


def test_every_kind_and_place_is_documented() -> None:
    page = (Path(dgmtui.recording.__file__).parent / "FORMAT.md").read_text()
    for kind in LogKind:
        assert f"| {kind.value} {kind.name.lower().replace('_', ' ')} |" in page
    for place in Committed:
        assert f"| {place.value} |" in page
