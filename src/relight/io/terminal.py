"""Tables in the terminal: coloured and as wide as it is; plain and 80 letters wide where they go to a file."""

import unicodedata
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def width_of_terminal() -> int:
    return Console().width


def table_text(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], right: set[int], below: str) -> str:
    """
    Args:
        right: the columns that are aligned to the right.
        below: what stands under the table.
    """
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(Text(one_line(title), style="bold"))
        if heads:
            console.print(_table(heads, rows, right))
        if below:
            console.print(Text(one_line(below)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n\n"


def paragraph(text: str) -> str:
    """Wrapped at the width of the terminal."""
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(Text(one_line(text)))
    return captured.get()


def one_line(text: str) -> str:
    """Names from data cannot move the cursor, colour the terminal or start a line."""
    return "".join(
        " " if letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in text
    )


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: set[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for k, head in enumerate(heads):
        table.add_column(Text(one_line(head)), justify="right" if k in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(text) for text in row))
    return table


def _cell(text: str) -> Text:
    cell = Text(one_line(text))
    if text.startswith("better, larger"):
        cell.stylize("green")
    elif text.startswith("worse, larger"):
        cell.stylize("red")
    return cell
