"""`relight check` says which files of own stages the report will not show, and the line that shows them."""

from pathlib import Path

import pytest

from relight.commands.extra import extra_notes

PLOT = "  plot: {cmd: plot, deps: [reports/evaluate%s]}\n"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def of(stage: str, dep: str = "", plot: str = PLOT) -> str:
        Path("dvc.yaml").write_text(f"stages:\n  post: {{cmd: x, {stage}}}\n{plot % dep if '%' in plot else plot}")
        return extra_notes()

    return of


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("outs: [reports/extra]", "reports/extra"),
        ("outs: [reports/extra/]", "reports/extra"),
        ("outs: [{reports/extra/a.csv: {cache: false}}]", "reports/extra/a.csv"),
        ("plots: [reports/extra/a.csv]", "reports/extra/a.csv"),
        ("wdir: own, outs: [../reports/extra/deep/a.csv]", "reports/extra/deep/a.csv"),
    ],
)
def test_what_is_not_read_is_said_with_the_line(notes, stage: str, path: str) -> None:
    assert notes(stage) == (
        f"note: dvc.yaml: stage post writes {path}, and report.html does not show it; add the line "
        "`- reports/extra` to the deps of stage plot\n"
    )
    assert notes(stage, ", reports/extra") == ""
    assert notes(stage, ", ./reports/extra/") == ""


def test_a_part_that_was_chosen_is_enough(notes) -> None:
    assert notes("outs: [reports/extra]", ", reports/extra/a.csv") == ""
    assert notes("outs: [reports/extra/b.csv]", ", reports/extra/a.csv") != ""


@pytest.mark.parametrize("stage", ["outs: [reports/extras]", "outs: [reports/other]", "deps: [reports/extra]"])
def test_other_folders_and_readers_are_not_meant(notes, stage: str) -> None:
    assert notes(stage) == ""


def test_without_a_plot_stage_or_a_readable_file_nothing_is_said(notes) -> None:
    assert notes("outs: [reports/extra]", plot="") == ""
    Path("dvc.yaml").write_text("stages: &x {}\n")
    assert extra_notes() == ""
    Path("dvc.yaml").unlink()
    assert extra_notes() == ""
