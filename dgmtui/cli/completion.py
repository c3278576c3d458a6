"""``dgmtui completion SHELL``: completion of this command line, worked out from the parsers that read it."""

import argparse
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from dgmtui.errors import ExitCode

SHELLS = {
    "bash": "echo 'eval \"$(dgmtui completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(dgmtui completion zsh)\"' >> ~/.zshrc   (after compinit)",
    "fish": "dgmtui completion fish > ~/.config/fish/completions/dgmtui.fish",
}
"""What to do once, by shell."""
ASKED = "_ARGCOMPLETE"
"""The environment variable by which a shell asks for completions; its value says how many words come before ours."""
REFERENCE = Path(__file__).parents[1] / "commands" / "REFERENCE.md"
"""Has a heading for every command; the commands themselves take half a second to load."""
SUFFIXES = {"recording": ".h5", "-o": ".h5", "-x": ".dgm", "script": ".py", "--config": ".toml"}
"""Of the files that an argument takes, by its option, else by its name in the parser."""


def run(arguments: list[str]) -> int:
    """Print what the shell is to evaluate, and return the exit code."""
    from argcomplete.shell_integration import shellcode

    shell = parser().parse_args(arguments).shell
    print(shellcode(["dgmtui"], shell=shell), end="")
    return ExitCode.DONE


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui completion``."""
    made = argparse.ArgumentParser(
        prog="dgmtui completion",
        description="Print what makes a shell complete dgmtui's subcommands, options, recordings and commands.",
        epilog="once:\n" + "\n".join(f"  {line}" for line in SHELLS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS), help="which shell")
    return made


def is_asked_for() -> bool:
    """Whether a shell has started this process for completions."""
    return ASKED in os.environ


def answer(forms: dict[str, Callable[[], argparse.ArgumentParser]], main: argparse.ArgumentParser) -> None:
    """Tell the shell how its line can go on, and end the process; nothing of the line is run.

    Args:
        forms: by first word, what makes the parser of the words after it.
        main: reads any other line.
    """
    import argcomplete

    chosen, before = _parser_of(os.environ.get("COMP_LINE", ""), int(os.environ.get("COMP_POINT", "0")), forms, main)
    os.environ[ASKED] = str(int(os.environ[ASKED]) + before)
    for action in chosen._actions:
        if completer := _completer(action, forms if chosen is main else {}):
            action.completer = completer  # type: ignore[attr-defined]
    argcomplete.autocomplete(chosen, always_complete_options=False)


def _parser_of(
    line: str, point: int, forms: dict[str, Callable[[], argparse.ArgumentParser]], main: argparse.ArgumentParser
) -> tuple[argparse.ArgumentParser, int]:
    """The parser of the words before the cursor, and how many of them it does not read."""
    words = line[:point].split()
    done = len(words) - (not line[:point].endswith(" "))
    return (forms[words[1]](), 1) if done > 1 and words[1] in forms else (main, 0)


def _completer(action: argparse.Action, forms: Iterable[str]) -> Callable[..., Iterable[str]] | None:
    name = next(iter(action.option_strings), action.dest)
    if name == "-c":
        return lambda **_: command_names()
    if name == "name":
        return lambda **_: demo_names()
    if name not in SUFFIXES:
        return None

    def files(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        first = name == "recording" and not getattr(parsed_args, name, None)
        return [*files_like(prefix, SUFFIXES[name]), *(forms if first else ())]

    return files


def command_names() -> list[str]:
    """Of all commands of a session."""
    return re.findall(r"^### (\S+)$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)


def demo_names() -> list[str]:
    """Of the trainings that ship with the package."""
    from dgmtui.demos import DEMOS

    return list(DEMOS)


def files_like(begun: str, suffix: str) -> list[str]:
    """Files with this suffix, and folders, whose path begins so."""
    head, slash, name = begun.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    try:
        found = sorted(each for each in folder.iterdir() if each.name.startswith(name))
    except OSError:
        return []
    shown = [each for each in found if name or not each.name.startswith(".")]
    folders = [f"{head}{slash}{each.name}/" for each in shown if each.is_dir()]
    return [f"{head}{slash}{each.name}" for each in shown if each.suffix == suffix and each.is_file()] + folders
