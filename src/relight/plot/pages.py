"""HTML page and model card.

The model card: a Markdown file from a Jinja template; every value is escaped, so that data stays text.

The report page: one HTML file from a Jinja template, everything inside it, every value escaped.
"""

import re
from pathlib import Path

from jinja2 import Environment, StrictUndefined

CARD_TEMPLATE = Path(__file__).with_name("card.md.jinja")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
PAGE_TEMPLATE = Path(__file__).with_name("report.html.jinja")


class Markdown(str):
    """Text that is Markdown already."""


def write_card(path: Path, content: dict[str, object]) -> None:
    """Fill the template in."""
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=escape_markdown,
    )
    environment.globals["table"] = _table
    columns = content["columns"]
    kinds = {column["kind"] for column in columns}  # type: ignore[attr-defined]
    text = environment.from_string(CARD_TEMPLATE.read_text(encoding="utf-8")).render(content, kinds=kinds)
    path.write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")


def escape_markdown(value: object) -> str:
    """One line that reads as it stands: no emphasis, link, code, HTML, table cell or heading of its own."""
    if isinstance(value, Markdown):
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN_SPECIAL.sub(r"\\\1", text)


def _table(table: dict[str, list]) -> Markdown:
    lines = [["", *table["heads"]], *([row["name"], *_with_best_bold(row)] for row in table["rows"])]
    cells = [[cell if isinstance(cell, Markdown) else escape_markdown(cell) for cell in line] for line in lines]
    rule = f"| --- |{' ---: |' * len(table['heads'])}"
    head, *rows = (f"| {' | '.join(line)} |" for line in cells)
    return Markdown("\n".join([head, rule, *rows, ""]))


def _with_best_bold(row: dict) -> list[str]:
    """The values of a line, the best one bold."""
    return [
        Markdown(f"**{escape_markdown(value)}**") if index == row.get("best") else value
        for index, value in enumerate(row["values"])
    ]


def write_page(path: Path, content: dict[str, object]) -> None:
    """Fill the template in. Autoescape is on: names and values from the data cannot become HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(PAGE_TEMPLATE.read_text(encoding="utf-8")).render(content)
    path.write_text(page, encoding="utf-8")
