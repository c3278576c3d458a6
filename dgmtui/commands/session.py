"""Commands about the session itself: keep it, run one again, ask for help, leave."""

from contextlib import suppress
from pathlib import Path

from dgmtui.commands.describe import where_line
from dgmtui.commands.grammar import CommandName
from dgmtui.commands.registry import GROUPS, REGISTRY, Command, command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.commands.scripting import run_script
from dgmtui.commands.training import leave
from dgmtui.errors import UsageError
from dgmtui.session import script, scripts
from dgmtui.session.journal import broken_off
from dgmtui.session.session import Session


@command("save", group="session", logged=False)
def save(session: Session, file: Path) -> Result:
    """Write this session's commands to a file, as a script that `source` and `-x` run.

    It begins where the session began and ends in the same state. A file that is there is overwritten if it is such a
    script, and left alone if it is anything else.

    JSON: {"command":"save","file","commands"}: how many were written.
    """
    session.settle()  # as after every command: what is saved is what stands when this one has run
    lines = session.diary.script()
    script.write(file, lines, str(session.recording.path))
    data = {"file": str(file), "commands": len(lines)}
    return Result("save", data, (Text(f"{len(lines)} commands saved to {file}"),))


@command("source", group="session", needs_replay=True, logged=False)
def source(session: Session, file: Path) -> Result:
    """Run the commands of a script, one a line; # begins a comment line.

    It stops at the first command that fails, names its line and says how many ran before it; what they did stands.

    JSON: {"command":"source","file","results"}: the objects of its commands, in order.
    """
    results = run_script(session, file)
    data = {"file": str(file), "results": [_told(result) for result in results]}
    blocks = tuple(block for result in results for block in result.blocks)
    return Result("source", data, blocks, quit=any(r.quit for r in results))


@command("resume", group="session", keys=(("ctrl+r", "resume", ""),), needs_replay=True, logged=False)
def resume(session: Session) -> Result:
    """Take up the last session on this recording that broke off: a lost connection, a killed process.

    The screen keeps every command on disk as it goes, until it is left with `quit`, and says at its start if there is
    such a session. Its commands are run again, from where it began.

    JSON: {"command":"resume","began","results"}: when it began, and the objects of its commands, in order.
    """
    found = broken_off(session.recording)
    if found is None:
        raise UsageError("no session on this recording broke off; nothing to take up")
    results = run_script(session, found.file)
    if session.diary.journal is not None:  # which has all of it by now
        found.file.unlink(missing_ok=True)
    session.diary.broken_off = None
    data = {"began": found.began.isoformat(timespec="seconds"), "results": [_told(result) for result in results]}
    taken = Text(f"taken up: {found.commands} command{'s' * (found.commands != 1)}; {where_line(session)}")
    return Result("resume", data, (taken,))


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
    """Leave the session; where a training waits, it first asks about that.

    A script that is being recorded is kept.

    JSON: {"command":"quit"}, with "waits": true where it asks.
    """
    if session.diary.naming:
        with suppress(UsageError):
            scripts.stop(session.diary, str(session.recording.path))
    return leave(session)


def _told(result: Result) -> dict[str, object]:
    return {"command": result.command, **result.data}


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
