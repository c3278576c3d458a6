"""The page that lists every command."""

from dgmtui.commands import REGISTRY
from dgmtui.commands.reference import REFERENCE, markdown


def test_the_page_is_what_the_commands_declare() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == markdown(), "run `make reference`"


def test_every_command_has_an_entry_with_its_usage_and_object() -> None:
    page = markdown()
    for command in REGISTRY.commands:
        entry = page.split(f"\n### {command.name}\n")[1].split("\n##")[0]
        assert f"    {command.usage}\n" in entry
        assert "JSON:" in entry, f"{command.name} does not say what --json prints"
        assert all(f"`{alias}`" in entry for alias in command.aliases)
