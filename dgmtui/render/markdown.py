"""A command's answer as GitHub-flavoured Markdown, its charts as pictures beside it."""

from collections.abc import Callable

from dgmtui.commands.result import Block, Chart, Table, Text
from dgmtui.render.numbers import human
from dgmtui.render.tables import is_numeric
from dgmtui.render.text import block_rows

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\*_[]<>#|"})
"""What would be markup; backticks stay, as sentences put code between them."""


def markdown(block: Block, place_chart: Callable[[Chart], str]) -> str:
    """One block as Markdown, without a line break at its end.

    Args:
        place_chart: keeps a chart as a picture and gives the address to show it by.
    """
    if isinstance(block, Text):
        return paragraph(block)
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, Chart):
        return f"![{escaped(block.title)}]({place_chart(block)})"
    return fenced("\n".join("".join(piece for piece, _ in row).rstrip() for row in block_rows(block, None)))


def paragraph(text: Text) -> str:
    """Running text, in bold where it matters most."""
    lines = "  \n".join(escaped(line) for line in text.text.splitlines())
    return f"**{lines}**" if text.style == "strong" and "\n" not in lines and lines else lines


def table(of: Table) -> str:
    """A pipe table, numbers to the right, with its title above and its note below."""
    if not of.columns:
        return ""
    right = [is_numeric([row[i] for row in of.rows]) for i in range(len(of.columns))]
    lines = [f"**{escaped(of.title)}**", ""] if of.title else []
    lines += [_row(of.columns), _row(["---:" if is_right else ":---" for is_right in right], raw=True)]
    lines += [_row([human(cell) for cell in row]) for row in of.rows]
    if of.note:
        lines += ["", f"*{escaped(of.note)}*"]
    return "\n".join(lines)


def fenced(text: str, language: str = "") -> str:
    """Code or a picture in characters, as it is."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def escaped(text: str) -> str:
    """``text`` so that it reads as it is; what stands between backticks is code, and left alone."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an odd backtick marks nothing
        return text.translate(_SPECIAL).replace("`", "\\`")
    return "`".join(part if i % 2 else part.translate(_SPECIAL) for i, part in enumerate(parts))


def _row(cells: "tuple[str, ...] | list[str]", *, raw: bool = False) -> str:
    told = cells if raw else [escaped(" ".join(cell.split())).replace("\n", " ") for cell in cells]
    return f"| {' | '.join(_unpiped(cell) if not raw else cell for cell in told)} |"


def _unpiped(cell: str) -> str:
    """Between backticks a bar still ends a cell, unless it is escaped."""
    parts = cell.split("`")
    return "`".join(part.replace("|", "\\|") if i % 2 else part for i, part in enumerate(parts))
