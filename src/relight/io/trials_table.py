"""The trials of a sweep, as a terminal shows them."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relight.io.terminal import one_line


def trials_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Numbers to the right of the first column; the last row stands apart. Where it is narrow, heads break into words.

    Args:
        width: of the terminal; None: of the one there is.
    """
    columns = width or shutil.get_terminal_size((120, 24)).columns
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) > columns:
        heads = [head.replace("_", "_\n").replace(" ", "\n") for head in heads]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows[:-1]:
        table.add_row(*(Text(one_line(text)) for text in row))
    table.add_section()
    table.add_row(*(Text(one_line(text)) for text in rows[-1]), style="dim")
    said = io.StringIO()
    Console(file=said, width=columns, force_terminal=sys.stdout.isatty(), highlight=False).print(table)
    return said.getvalue()
