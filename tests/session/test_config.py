"""The configuration: what it sets, and a sentence for everything that is wrong in it."""

from pathlib import Path

import pytest

from dgmtui.errors import UsageError
from dgmtui.session.config import EXAMPLE, Config, config_path, read_config, write_example


def written(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_all_that_can_be_set_is_read(tmp_path: Path) -> None:
    read = written(
        tmp_path,
        '[screen]\ntheme = "light"\nmouse = false\nbell = false\nglyphs = "ascii"\n'
        '[keys]\npreset = "vi"\n"next-nonfinite" = "n, f8"\n[thresholds]\nstuck_change = 0.03\n',
    )
    assert (read.theme, read.mouse, read.bell, read.glyphs, read.complaints) == ("light", False, False, "ascii", ())
    assert read.keys == {"next-nonfinite": ("n", "f8")} and read.thresholds == (("stuck_change", "0.03"),)
    assert read.wanted()["screen.module(1)"] == (("down", "j"), "preset vi")
    assert read.wanted()["next-nonfinite"] == (("n", "f8"), "config.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[screen\n", "no TOML"),
        ("[screen\n", "line 1"),
        ('[screen]\ntheme = "pink"\n', "[screen] theme is one of auto, terminal, dark, light, high-contrast, none"),
        ("[screen]\nmouse = 3\n", "[screen] mouse is true or false; not 3"),
        ("[screen]\nmoose = true\n", "[screen] moose is unknown; there are theme, glyphs, mouse, bell"),
        ("screen = 3\n", "[screen]"),
        ('theme = "dark"\n', "theme stands below no heading: put the line [screen] above it"),
        ('preset = "vi"\n', "put the line [keys] above it"),
        ("[colours]\n", "colours is unknown; there are screen, keys, thresholds"),
        ('[keys]\n"credit" = 3\n', '[keys] "credit" takes keys in quotes'),
        ("[thresholds]\nstuck_change = true\n", "[thresholds] stuck_change is a number; not True"),
        ("[screen]\ntheme = []\n", "[screen] theme is one of"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_file(tmp_path: Path, text: str, expected: str) -> None:
    read = written(tmp_path, text)
    assert len(read.complaints) == 1 and expected in read.complaints[0] and "config.toml" in read.complaints[0]
    assert (read.theme, read.mouse, read.bell) == ("auto", None, True)


def test_the_rest_counts_where_one_line_is_wrong(tmp_path: Path) -> None:
    read = written(tmp_path, '[screen]\ntheme = "dark"\nbell = "loud"\n')
    assert read.theme == "dark" and read.bell and len(read.complaints) == 1


def test_a_file_that_is_no_text_and_a_folder_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    no_text, folder = read_config(tmp_path / "bytes.toml"), read_config(tmp_path)
    assert "UTF-8" in no_text.complaints[0] and "can't be read" in folder.complaints[0]
    assert no_text.found and folder.found, "it is there, though nothing can be read of it"


def test_the_line_on_the_screen_has_no_room_for_where_the_file_is(tmp_path: Path) -> None:
    assert written(tmp_path, "[screen\n").notice.startswith("config.toml is no TOML")
    assert written(tmp_path, "[screen]\n").notice == ""


def test_only_a_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in read_config(tmp_path / "none.toml").complaints[0]
    monkeypatch.delenv("DGMTUI_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_config() == Config(config_path()) and config_path() == tmp_path / "dgmtui" / "config.toml"
    monkeypatch.setenv("DGMTUI_CONFIG", str(tmp_path / "other.toml"))
    assert "no such file" in read_config().complaints[0]
    monkeypatch.setenv("DGMTUI_CONFIG", "")
    assert read_config() == Config()


def test_the_example_is_read_without_complaint_and_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_example(path)
    assert read_config(path).complaints == () and read_config(path).found
    uncommented = "".join(line.removeprefix("# ") for line in EXAMPLE.splitlines(True)[1:])
    path.write_text(uncommented)
    read = read_config(path)
    assert read.complaints == () and read.preset == "vi" and read.keys["screen.help"] == ("f1", "?")
    with pytest.raises(UsageError, match="left alone"):
        write_example(path)
