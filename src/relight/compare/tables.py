"""The comparison as tables for the terminal: the more runs, the less of each.

Tables are coloured and as wide as the terminal, or plain and 80 characters wide in a file.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relight.compare.runs import ComparedRun
from relight.compare.wording import changed_params_text, changed_rows_text, score_wording
from relight.runtime.messages import printable
from relight.runtime.nested import ABSENT_VALUE, varying_keys

MAX_RUNS_IN_FULL = 8  # with more runs, only the score of the task is shown
MAX_RUNS_WITH_CHANGES_SHOWN = 3
MAX_PARAM_WIDTH = 24  # characters of a value in a column per run


class TextTable(NamedTuple):
    """A table of texts.

    Attributes:
        right_aligned: the columns of numbers.
        footer: sentence below the table.
    """

    title: str
    headers: list[str]
    rows: list[list[str]]
    right_aligned: set[int]
    footer: str = ""


def text_tables(runs: list[ComparedRun], labels: dict[str, str], width: int) -> list[TextTable]:
    """Return the tables of a comparison.

    Args:
        labels: the names of the scores with their arrows, that of the task first.
        width: of the terminal, in characters.
    """
    if len(runs) > MAX_RUNS_IN_FULL:
        return [*_many_runs_tables(runs, labels), *_changed_rows_tables(runs)]
    shown = [name for k, name in enumerate(labels) if k == 0 or any(_is_larger(run, name) for run in runs)]
    others = {name: label for name, label in labels.items() if name not in shown}
    return [
        *_params_tables(runs, width),
        *(_score_table(runs, name, labels[name]) for name in shown),
        *_other_runs_tables(runs, others),
        *_changed_rows_tables(runs),
    ]


def _is_larger(run: ComparedRun, name: str) -> bool:
    verdict = run.scores[name].verdict
    return verdict is not None and verdict.kind == "larger"


def _other_runs_tables(runs: list[ComparedRun], labels: dict[str, str]) -> list[TextTable]:
    rows = [[label, *(score_wording(run.scores[name]).value for run in runs)] for name, label in labels.items()]
    heads = ["", *(run.name for run in runs)]
    right = set(range(1, len(heads)))
    return (
        [TextTable("Other scores: no difference is known to be larger than the noise", heads, rows, right)]
        if rows
        else []
    )


def _params_tables(runs: list[ComparedRun], width: int) -> list[TextTable]:
    """Return one column per run if they fit, else one row per run."""
    title, keys = "Params that differ", varying_keys([run.params for run in runs])
    if not keys:
        return [TextTable(title, [], [], set(), "None.")]
    cells = [[run.params.get(key, ABSENT_VALUE) for run in runs] for key in keys]
    needed = [max(len(text) for text in column) for column in zip([run.name for run in runs], *cells, strict=True)]
    if sum(min(letters, MAX_PARAM_WIDTH) + 2 for letters in needed) + max(len(key) for key in keys) <= width:
        rows = [[key, *values] for key, values in zip(keys, cells, strict=True)]
        return [TextTable(title, ["", *(run.name for run in runs)], rows, set())]
    return [
        TextTable(
            title,
            ["run", f"changed from {runs[0].name}"],
            [[run.name, changed_params_text(run)] for run in runs[1:]],
            set(),
        )
    ]


def _score_table(runs: list[ComparedRun], name: str, label: str) -> TextTable:
    rows = [[run.name, *score_wording(run.scores[name])] for run in runs]
    heads = ["run", "test rows", "95 % interval", "difference", ""]
    kept = [k for k, head in enumerate(heads) if head != "95 % interval" or any(row[k] for row in rows)]
    right = {rank for rank, k in enumerate(kept) if k in (1, 3)}
    return TextTable(label, [heads[k] for k in kept], [[row[k] for k in kept] for row in rows], right)


def _many_runs_tables(runs: list[ComparedRun], labels: dict[str, str]) -> list[TextTable]:
    names = list(labels)
    name = names[0] if names else None
    heads = [
        "run",
        *([labels[name], "difference", "noise"] if name else []),
        f"changed from {runs[0].name}",
    ]
    rows = []
    for run in runs:
        cells = []
        if name is not None:
            wording = score_wording(run.scores[name])
            cells = [
                wording.value,
                wording.difference,
                wording.verdict.removesuffix(" than the noise").removesuffix(" the noise"),
            ]
        rows.append([run.name, *cells, changed_params_text(run) if run is not runs[0] else ""])
    others = f"Also scored: {', '.join(names[1:])}; -o compare.html shows them." if len(names) > 1 else ""
    return [TextTable(f"{len(runs)} runs", heads, rows, {1, 2} if name else set(), others)]


def _changed_rows_tables(runs: list[ComparedRun]) -> list[TextTable]:
    moved = [run for run in runs if run.changed_rows is not None and run.changed_rows.rows]
    return [
        TextTable(
            f"Rows that {run.name} moved most",
            ["row", "true", runs[0].name, run.name],
            [list(row) for row in run.changed_rows.rows],
            set(),
            changed_rows_text(run),
        )
        for run in moved[:MAX_RUNS_WITH_CHANGES_SHOWN]
        if run.changed_rows is not None
    ]


def terminal_width() -> int:
    return Console().width


def format_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], right: set[int], below: str) -> str:
    """Return a table as text.

    Args:
        right: the columns that are aligned to the right.
        below: sentence below the table; "" for none.
    """
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(Text(printable(title), style="bold"))
        if heads:
            console.print(_rich_table(heads, rows, right))
        if below:
            console.print(Text(printable(below)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n\n"


def wrap_text(text: str) -> str:
    """Wrap a text at the width of the terminal."""
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(Text(printable(text)))
    return captured.get()


def _rich_table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: set[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for k, head in enumerate(heads):
        table.add_column(Text(printable(head)), justify="right" if k in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(text) for text in row))
    return table


def _cell(text: str) -> Text:
    cell = Text(printable(text))
    if text.startswith("better, larger"):
        cell.stylize("green")
    elif text.startswith("worse, larger"):
        cell.stylize("red")
    return cell
