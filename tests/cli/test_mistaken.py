"""What somebody new types in the shell, and the sentence that says what to type instead."""

from pathlib import Path

import pytest

from dgmtui.cli import main
from dgmtui.errors import ExitCode

SHIPPED = str(Path(__file__).parents[2] / "recordings" / "vae.h5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "dgmtui demo"),
        (["nosuch.h5", "--batch"], "nosuch.h5 does not exist"),
        (["train.py"], "`dgmtui record train.py` runs and records it, `dgmtui train.h5` then opens that"),
        (["recor", "train.py"], "did you mean `dgmtui record …`?"),
        (["demos"], "did you mean `dgmtui demo`?"),
        (["vae"], "`dgmtui demo vae`"),
        (["help"], "`dgmtui --help`"),
        ([SHIPPED, "findings"], "findings` runs it"),
        (["record", "run.h5"], "`dgmtui record -o run.h5 train.py`"),
        (["record", SHIPPED], f"`dgmtui {SHIPPED}` opens it"),
        (["demo", "nosuch"], "there are vae, "),
    ],
)
def test_a_sentence_says_what_to_type(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    code = main(arguments)
    assert code in (ExitCode.USAGE, ExitCode.UNREADABLE)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["record"], ["record", "--every", "5"]])
def test_record_without_a_script_says_what_one_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "name the training script, as in `dgmtui record train.py --lr 0.1`" in capsys.readouterr().err


def test_what_is_there_is_opened_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demos").write_bytes(Path(SHIPPED).read_bytes())
    assert main(["demos", "-c", "goto 5"]) == ExitCode.DONE
    assert "iteration 5" in capsys.readouterr().out
