"""The report page (one HTML file that opens offline) and the model card (Markdown), from Jinja templates.

Every value is escaped, so that names and values from the data stay text.
"""

import re
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from relight.runtime.messages import printable

CARD_TEMPLATE = Path(__file__).with_name("card.md.jinja")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
# GitHub makes links of these without any brackets: mentions, mail addresses, addresses of pages, numbers of issues.
LIVE = re.compile(r"((?<!\w)@(?=\w)|@(?=[\w-]+\.\w)|https?:|ftp:|mailto:|xmpp:|www\.|#(?=\d))", re.IGNORECASE)
PAGE_TEMPLATE = Path(__file__).with_name("report.html.jinja")
ZERO_WIDTH_SPACE = "&#8203;"


class Markdown(str):
    """Text that is Markdown already."""


def write_card(path: Path, content: dict[str, object]) -> None:
    """Write the model card: its template filled in with `content`."""
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
    """Return one line of plain text: no emphasis, link, code, HTML, table cell, heading or mention of its own."""
    if isinstance(value, Markdown):
        return value
    text = " ".join(printable(str(value), "\n\t").split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return LIVE.sub(f"\\1{ZERO_WIDTH_SPACE}", MARKDOWN_SPECIAL.sub(r"\\\1", text))


def _table(table: dict[str, list]) -> Markdown:
    """Return a table of `score_tables` as Markdown."""
    lines = [["", *table["heads"]], *([row["name"], *_with_best_bold(row)] for row in table["rows"])]
    cells = [[cell if isinstance(cell, Markdown) else escape_markdown(cell) for cell in line] for line in lines]
    rule = f"| --- |{' ---: |' * len(table['heads'])}"
    head, *rows = (f"| {' | '.join(line)} |" for line in cells)
    return Markdown("\n".join([head, rule, *rows, ""]))


def _with_best_bold(row: dict) -> list[str]:
    """Return the values of a row, the best one bold."""
    return [
        Markdown(f"**{escape_markdown(value)}**") if index == row.get("best") else value
        for index, value in enumerate(row["values"])
    ]


def write_page(path: Path, content: dict[str, object]) -> None:
    """Write the report page: its template filled in with `content`."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(PAGE_TEMPLATE.read_text(encoding="utf-8")).render(content)
    path.write_text(page, encoding="utf-8")
