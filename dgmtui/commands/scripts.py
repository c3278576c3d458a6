"""Commands of scripts that have a name."""

from typing import Annotated, Literal

from dgmtui.commands.grammar import Completes
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.commands.scripting import run_script
from dgmtui.errors import UsageError
from dgmtui.session import scripts as named
from dgmtui.session.script import read
from dgmtui.session.session import Session

ScriptName = Annotated[str, Completes("script")]


@command("script", group="session", needs_replay=True, logged=False)
def script(
    session: Session, what: Literal["start", "stop", "run", "show", "edit", "delete"], name: ScriptName = ""
) -> Result:
    """Record what is done as a script of that name, and run, show, edit or delete it.

    `script start NAME` begins, `script stop` ends and keeps it among the person's own files, so that `script run NAME`
    does the same on any recording. A screen edits in $VISUAL or $EDITOR. `scripts` lists them; `save FILE` writes the
    whole session instead, for this recording.

    JSON: {"command":"script","what","name","file","results"}: the objects of its commands where it was run, else null.
    """
    if what in ("start", "stop"):
        return _record(session, what, name)
    if not name:
        raise UsageError(f"{what} needs a script's name; `scripts` lists them", word="")
    file = named.existing(name)
    if what == "run":
        results = run_script(session, file)
        told = [{"command": each.command, **each.data} for each in results]
        blocks = tuple(block for each in results for block in each.blocks)
        said = Text(f"script {name}: {len(results)} commands")
        return Result("script", _data(what, name, told), blocks or (said,), said, quit=any(r.quit for r in results))
    if what == "delete":
        file.unlink(missing_ok=True)
        return Result("script", _data(what, name), (Text(f"script {name} deleted"),))
    if what == "edit":
        return Result("script", _data(what, name), (Text(f"script {name}: {file}"),), edit=file)
    return Result("script", _data(what, name), (Text("\n".join(line.text for line in read(file))),))


@command("scripts", group="session", logged=False)
def scripts(session: Session) -> Result:
    """List the scripts that have a name.

    JSON: {"command":"scripts","scripts":[{"name","file","commands","first"}…],"recording"}: the name of the one that is
    being recorded, or null.
    """
    found = named.named_scripts()
    recording = session.diary.naming
    rows = tuple((each.name, each.commands, each.first) for each in found)
    data = {
        "scripts": [
            {"name": each.name, "file": str(each.file), "commands": each.commands, "first": each.first}
            for each in found
        ],
        "recording": recording or None,
    }
    now = (Text(f"● recording {recording}; `script stop` ends it"),) if recording else ()
    table = Table(("script", "commands", "begins with"), rows)
    none = Text("no script has a name yet; `script start NAME` records one")
    return Result("scripts", data, (*now, table if rows else none))


def _record(session: Session, what: str, name: str) -> Result:
    if what == "start":
        if not name:
            raise UsageError("start needs a name for the script", word="")
        named.start(session.diary, name)
        return Result("script", _data(what, name), (Text(f"● recording {name}; `script stop` ends it"),))
    made = named.stop(session.diary, str(session.recording.path))
    told = Text(
        f"script {made.name} kept: {made.commands} command{'s' * (made.commands != 1)}; `script run {made.name}`"
    )
    return Result("script", _data(what, made.name), (told,))


def _data(what: str, name: str, results: list[dict[str, object]] | None = None) -> dict[str, object]:
    return {"what": what, "name": name, "file": str(named.file_of(name)), "results": results}
