"""Text for a terminal, or plain for a pipe; JSON and YAML. Pure."""

import io
import json
from collections.abc import Sequence

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from setpoint.plugin.explain import Paragraph

_STYLES = {
    "Critical": "bold red", "Warning": "yellow", "Info": "cyan",
    "True": "green", "False": "bold red", "Unknown": "yellow",
}  # fmt: skip


def table(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """For a terminal of `width` columns; 0: columns with two spaces between, as kubectl prints."""
    if not width:
        return _plain_table([[name.upper() for name in names], *rows])
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        made.add_column(name, overflow="fold")
    for row in rows:
        made.add_row(*(Text(clean(cell), style=_STYLES.get(cell, "")) for cell in row))
    return _printed(made, width)


def paragraphs(made: Sequence[Paragraph], width: int) -> str:
    """Sentences with their evidence below them, indented."""
    if not width:
        return "".join(
            f"{clean(one.text)}\n" + "".join(f"    {clean(line)}\n" for line in one.evidence)
            for one in made
        )
    text = Text()
    for one in made:
        text.append(f"{clean(one.text)}\n", style="bold red" if one.bad else "bold")
        for line in one.evidence:
            text.append(f"    {clean(line)}\n")
    return _printed(text, width)


def data(value: object, form: str) -> str:
    """As JSON or YAML."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def clean(text: str) -> str:
    """Without control characters: what a resource holds is no business of the terminal's."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def _plain_table(rows: Sequence[Sequence[str]]) -> str:
    """A cell's further lines are joined, so that a row stays a line for grep and awk."""
    cells = [[_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in cells]  # fmt: skip
    return "\n".join(lines) + "\n"


def _line(cell: str) -> str:
    return "; ".join(" ".join(line.split()) for line in clean(cell).splitlines())


def _printed(made: Table | Text, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, highlight=False, markup=False).print(
        made, end=""
    )
    return out.getvalue()
