"""A table for a pull request: every value is escaped, so that data stays text and a cell stays a cell."""

from collections.abc import Sequence

from relight.io.card import escape_markdown

MOST_ROWS = 100  # a comment on GitHub has at most 65,536 letters


def markdown(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str]) -> str:
    """
    Args:
        rows: as many cells each as there are heads; a line break in a cell becomes `<br>`.
        below: sentences, of which each becomes a line of a list.
    """
    lines = [f"**{escape_markdown(title)}**", "", _row(heads), "|" + " --- |" * len(heads)]
    lines += [_row(row) for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        below = [f"The first {MOST_ROWS} of {len(rows)} runs are shown.", *below]
    return "\n".join([*lines, "", *(f"- {escape_markdown(sentence)}" for sentence in below), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join('<br>'.join(escape_markdown(part) for part in cell.splitlines()) for cell in cells)} |"
