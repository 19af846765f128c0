"""What the page of a comparison says."""

from typing import Any

from relight.domain.comparing import Compared, Score
from relight.domain.comparison_words import how_it_is_said, moved_in_words, notes_on, words_of
from relight.domain.differing import ABSENT, differing
from relight.domain.direction import with_direction

Json = dict[str, Any]
MOST_MOVED = 20  # runs of which the rows that moved are listed


def page_content(runs: list[Compared], names: list[str], notes: list[str], left_out: str) -> Json:
    """
    Args:
        names: of the scores.
        notes: of the comparison as a whole.
        left_out: what the pictures do not show.
    """
    keys = differing([run.params for run in runs])
    moved = [run for run in runs if run.moved is not None]
    return {
        "title": f"{runs[0].name} and {len(runs) - 1} more"
        if len(runs) != 2
        else f"{runs[1].name} against {runs[0].name}",
        "subtitle": f"Held against {runs[0].name} ({runs[0].commit}). A click on a head sorts by it.",
        "how": how_it_is_said(runs),
        "scores": [with_direction(name) for name in names],
        "params": keys,
        "runs": [_run(run, names, keys) for run in runs],
        "notes": [*notes, *notes_on(runs)],
        "first": runs[0].name,
        "moved": [
            {"name": run.name, "says": moved_in_words(run), "rows": run.moved.rows}
            for run in moved[:MOST_MOVED]
            if run.moved is not None
        ],
        "left_out": left_out,
    }


def _run(run: Compared, names: list[str], keys: list[str]) -> Json:
    return {
        "name": run.name,
        "commit": run.commit,
        "scores": [_cell(run.scores[name]) for name in names],
        "params": [run.params.get(key, ABSENT) for key in keys],
    }


def _cell(score: Score) -> Json:
    """The words, and the numbers that the column is sorted by."""
    is_larger = score.verdict is not None and score.verdict.word == "larger"
    return {
        "words": words_of(score),
        "value": "" if score.value is None else repr(score.value),
        "difference": "" if score.difference is None else repr(score.difference),
        "side": ("better" if score.is_better else "worse") if is_larger else "",
        "why": score.verdict.why if score.verdict else "",
    }
