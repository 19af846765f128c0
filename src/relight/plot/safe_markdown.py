"""Markdown as HTML without anything that could run or load: HTML in it is shown as text, and a picture as its text."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

HEADINGS_ABOVE = 2  # the page and its section have headings of their own
LAST_HEADING = 6
WEB = ("https://", "http://", "mailto:")


def markdown_html(text: str) -> str:
    """Return the HTML of a Markdown text; a link that is not to a page of the web stays text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(LAST_HEADING, int(token.tag[1]) + HEADINGS_ABOVE)}"
        _make_safe(token.children or [])
    return str(parser.renderer.render(tokens, parser.options, {}))


def _make_safe(line: list[Token]) -> None:
    """Replace pictures by their text, and links to files by plain text: neither is there where the page is read."""
    is_kept = True
    for token in line:
        if token.type == "image":
            token.type, token.tag, token.attrs, token.children = "text", "", {}, None
        if token.type == "link_open":
            is_kept = str(token.attrGet("href")).startswith(WEB)
            token.attrSet("rel", "noreferrer")
        if token.type in ("link_open", "link_close") and not is_kept:
            token.tag, token.attrs = "span", {}
