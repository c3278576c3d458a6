"""Commands about the session itself: keep it, run one again, ask for help, leave."""

from pathlib import Path

from dgmtui.commands.grammar import CommandName
from dgmtui.commands.registry import GROUPS, REGISTRY, Command, command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.session import script
from dgmtui.session.session import Session


@command("save", group="session", logged=False)
def save(session: Session, file: Path) -> Result:
    """Write this session's commands to a file, as a script that `source` and `-x` run.

    A file that is there is overwritten if it is such a script, and left alone if it is anything else.

    JSON: {"command":"save","file","commands"}: how many were written.
    """
    script.write(file, session.history, str(session.recording.path))
    count = len(session.history)
    return Result("save", {"file": str(file), "commands": count}, (Text(f"{count} commands saved to {file}"),))


@command("source", group="session", needs_replay=True, logged=False)
def source(session: Session, file: Path) -> Result:
    """Run the commands of a script, one a line; # begins a comment line.

    It stops at the first command that fails and names its line.

    JSON: {"command":"source","file","results"}: the objects of its commands, in order.
    """
    path = str(file.resolve())
    if path in session.sourcing:
        raise UsageError(f"{file} runs itself; take the `source` line out of it")
    session.sourcing = (*session.sourcing, path)
    results: list[Result] = []
    try:
        for line in script.read(file):
            results.append(_run(session, line))
            if results[-1].quit:
                break
    finally:
        session.sourcing = session.sourcing[:-1]
    blocks = tuple(block for result in results for block in result.blocks)
    data = {"file": str(file), "results": [{"command": r.command, **r.data} for r in results]}
    return Result("source", data, blocks, quit=any(r.quit for r in results))


@command("help", group="session", aliases=("h", "?"), keys=(("f1", "help", "help"),), logged=False)
def help_(session: Session, name: CommandName = "") -> Result:
    """List the commands, or explain one.

    JSON: {"command":"help","commands":[{"name","usage","summary","group","aliases","keys","help"}…]}.
    """
    shown = (REGISTRY.find(name),) if name else REGISTRY.commands
    data = {"commands": [_help_data(item) for item in shown]}
    blocks = _explained(shown[0]) if name else tuple(map(_group_table, GROUPS))
    return Result("help", data, blocks)


@command("quit", group="session", aliases=("q", "exit"), keys=(("q", "quit", "quit"),), logged=False)
def quit_(session: Session) -> Result:
    """Leave the session.

    JSON: {"command":"quit"}.
    """
    return Result("quit", quit=True)


def _run(session: Session, line: script.Line) -> Result:
    try:
        return REGISTRY.run(session, line.text)
    except DgmtuiError as error:
        raise UsageError(f"{line}: {error}") from error


def _help_data(item: Command) -> dict[str, object]:
    return {
        "name": item.name,
        "usage": item.usage,
        "summary": item.summary,
        "group": item.group,
        "aliases": list(item.aliases),
        "keys": REGISTRY.keys_of(item),
        "help": item.help,
    }


def _explained(item: Command) -> tuple[Block, ...]:
    also = [f"also: {', '.join(item.aliases)}"] if item.aliases else []
    bound = REGISTRY.keys_of(item)
    keys = [f"keys: {', '.join(f'{key} ({line})' for key, line in bound.items())}"] if bound else []
    return (Text(item.usage, "strong"), Text(item.help), *(Text(line, "dim") for line in also + keys))


def _group_table(group: str) -> Table:
    shown = [item for item in REGISTRY.commands if item.group == group]
    return Table(
        (group, "does", "keys"),
        tuple((item.brief, item.summary, " ".join(REGISTRY.keys_of(item))) for item in shown),
    )
