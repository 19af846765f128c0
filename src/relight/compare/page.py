"""The comparison as one HTML page with pictures, and as a Markdown table for a pull request.

The page opens offline, and allows only its own script, by its hash. Every value is escaped. The same comparison gives
the same bytes.
"""

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from relight.compare.curves import FIGURE_SIZE
from relight.compare.runs import ComparedRun, ComparedScore
from relight.compare.wording import changed_rows_text, comparison_notes, noise_explanation, score_wording
from relight.plot.canvas import create_axes, set_fonts, short_label
from relight.plot.pages import escape_markdown
from relight.runtime.files import write_text
from relight.runtime.nested import ABSENT_VALUE, varying_keys

Json = dict[str, Any]
MAX_RUNS_WITH_CHANGES_ON_PAGE = 20
MAX_RUNS_PER_FIGURE, MAX_SCORE_FIGURES, MAX_RUNS_FOR_ALL_SCORES = 20, 6, 12
MAX_MARKDOWN_ROWS = 100  # a comment on GitHub has at most 65,536 characters
COMPARISON_TEMPLATE, COMPARISON_SCRIPT = (
    Path(__file__).with_name("comparison.html.jinja"),
    Path(__file__).with_name("comparison.js"),
)
SVG_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "relight", "svg.fonttype": "none"}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def comparison_page_content(runs: list[ComparedRun], labels: dict[str, str], notes: list[str], left_out: str) -> Json:
    """Return the values for the template.

    Args:
        labels: the names of the scores with their arrows, that of the task first.
        notes: on the comparison as a whole.
        left_out: what the pictures do not show.
    """
    keys = varying_keys([run.params for run in runs])
    moved = [run for run in runs if run.changed_rows is not None]
    return {
        "title": f"{runs[0].name} and {len(runs) - 1} more"
        if len(runs) != 2
        else f"{runs[1].name} against {runs[0].name}",
        "subtitle": f"Compared with {runs[0].name} ({runs[0].commit}). A click on a head sorts by it.",
        "how": noise_explanation(runs),
        "scores": list(labels.values()),
        "params": keys,
        "runs": [_run(run, list(labels), keys) for run in runs],
        "notes": [*notes, *comparison_notes(runs)],
        "first": runs[0].name,
        "moved": [
            {"name": run.name, "says": changed_rows_text(run), "rows": run.changed_rows.rows}
            for run in moved[:MAX_RUNS_WITH_CHANGES_ON_PAGE]
            if run.changed_rows is not None
        ],
        "left_out": left_out,
    }


def _run(run: ComparedRun, names: list[str], keys: list[str]) -> Json:
    return {
        "name": run.name,
        "commit": run.commit,
        "scores": [_cell(run.scores[name]) for name in names],
        "params": [run.params.get(key, ABSENT_VALUE) for key in keys],
    }


def _cell(score: ComparedScore) -> Json:
    """Return the words of a score, and the numbers that its columns are sorted by."""
    is_larger = score.verdict is not None and score.verdict.kind == "larger"
    return {
        "words": score_wording(score),
        "value": "" if score.value is None else repr(score.value),
        "difference": "" if score.difference is None else repr(score.difference),
        "side": ("better" if score.is_better else "worse") if is_larger else "",
        "why": score.verdict.reason if score.verdict else "",
    }


def score_figures(runs: list[ComparedRun], names: list[str]) -> dict[str, Figure]:
    """Draw the first scores, one dot per run with its interval; the dashed line is the baseline.

    If there are many runs, only the score of the task is drawn.
    """
    shown = names[: MAX_SCORE_FIGURES if len(runs) <= MAX_RUNS_FOR_ALL_SCORES else 1]
    return {name: _plot_scores(runs, name) for name in shown if runs[0].scores[name].value is not None}


def _plot_scores(runs: list[ComparedRun], name: str) -> Figure:
    shown = [run for run in runs if run.scores[name].value is not None][:MAX_RUNS_PER_FIGURE]
    figure, axes = create_axes((FIGURE_SIZE[0], max(2.4, 1.2 + 0.32 * len(shown))), f"{name} of the test rows", "", "")
    figure.subplots_adjust(
        left=0.26, bottom=min(0.3, 0.6 / figure.get_figheight()), top=1 - 0.4 / figure.get_figheight()
    )
    values = [run.scores[name].value or 0.0 for run in shown]
    ends = [run.scores[name].interval or (value, value) for run, value in zip(shown, values, strict=True)]
    colours = ["0.35", *["tab:blue"] * (len(shown) - 1)]
    lows, highs = zip(*ends, strict=True)
    axes.hlines(range(len(shown)), lows, highs, colors=colours, linewidth=2, alpha=0.45)
    axes.scatter(values, range(len(shown)), c=colours, s=25, zorder=3)
    axes.axvline(values[0], color="0.6", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shown)), [short_label(run.name) for run in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    set_fonts([run.name for run in shown], *axes.get_yticklabels())
    return figure


def markdown_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str]) -> str:
    """Return a Markdown table of at most `MAX_MARKDOWN_ROWS` rows.

    Args:
        rows: cells, one for each head; a line break in a cell becomes `<br>`.
        below: sentences, each of which becomes an item of a list.
    """
    lines = [f"**{escape_markdown(title)}**", "", _markdown_row(heads), "|" + " --- |" * len(heads)]
    lines += [_markdown_row(row) for row in rows[:MAX_MARKDOWN_ROWS]]
    if len(rows) > MAX_MARKDOWN_ROWS:
        below = [f"The first {MAX_MARKDOWN_ROWS} of {len(rows)} runs are shown.", *below]
    return "\n".join([*lines, "", *(f"- {escape_markdown(sentence)}" for sentence in below), ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join('<br>'.join(escape_markdown(part) for part in cell.splitlines()) for cell in cells)} |"


def write_comparison(path: Path, content: dict[str, object], pictures: dict[str, str]) -> None:
    """Render the template to a file.

    Args:
        pictures: SVG elements, whose text is escaped, by name.

    Raises:
        InputError: if the page cannot be written.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = COMPARISON_SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.from_string(COMPARISON_TEMPLATE.read_text(encoding="utf-8")).render(
        content,
        pictures={name: Markup(picture) for name, picture in pictures.items()},
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )
    write_text(path, page)


def svg_text(figure: Figure, label: str) -> str:
    """Return the `svg` element of a figure, without prologue and fixed size; its text stays text, escaped.

    Args:
        label: description for screen readers, of letters, digits and spaces only.
    """
    buffer = io.StringIO()
    with rc_context(SVG_SETTINGS):
        FigureCanvasSVG(figure).print_svg(buffer, metadata=NO_METADATA)  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, body = element.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # ids are the same in every picture; a page must not have one twice
    return f'{head} role="img" aria-label="{label}">{body}'
