import subprocess
from pathlib import Path

import pytest

from relight.commands.untracked import line_ends_notes, untracked_notes

PIPELINE = """
stages:
  prepare:
    deps: ["${prepare.source}", src/relight/a.py, templates]
    outs: [data/table.parquet]
  evaluate:
    deps: [data/table.parquet]
    metrics: [{metrics.json: {cache: false}}]
  plot:
    deps: [metrics.json]
    outs: [report.html]
"""
FILES = ("src/relight/a.py", "src/relight/b.py", "stages/check.py", "templates/one.jinja", "templates/two.jinja")
WRITTEN = ("data/table.parquet", "metrics.json", "report.html")


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline whose files have not been added to Git."""
    monkeypatch.chdir(tmp_path)
    for path in (*FILES, *WRITTEN, "src/relight/notes.txt", "data/my table.csv"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text("prepare: {source: data/my table.csv}\n")
    subprocess.run(["git", "init", "-q"], check=True)
    return Path("params.yaml")


def test_a_source_elsewhere_in_the_repository_is_named_as_git_takes_it_here(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path("models/price")
    model.mkdir(parents=True)
    (model / "dvc.yaml").write_text(PIPELINE)
    (model / params).write_text("prepare: {source: ../../data/houses.csv}\n")
    Path("data/houses.csv").touch()
    monkeypatch.chdir(model)
    subprocess.run(["git", "add", "."], check=True)
    notes = untracked_notes(params)
    assert named(notes) == ["../../data/houses.csv"]
    assert "`git add ../../data/houses.csv`, or `dvc add ../../data/houses.csv` for a large table" in notes
    subprocess.run(["git", "add", "../../data/houses.csv"], check=True)
    assert untracked_notes(params) == ""


def test_a_table_with_line_ends_of_windows_is_said_if_git_would_change_them(params: Path) -> None:
    Path(".gitattributes").write_text("* text=auto\n")
    Path("data/my table.csv").write_bytes(b"x,y\r\n1,2\r\n")
    Path("templates/two.jinja").write_bytes(b"one\r\ntwo\n")
    subprocess.run(["git", "add", "data", "src"], check=True)
    assert line_ends_notes(params).splitlines() == [
        f"note: {path}: Git stores it with other line ends than DVC hashes here, so that each clone would run the "
        f"pipeline again; put `{pattern} -text` at the end of .gitattributes, then `{add}`"
        for path, pattern, add in (
            ("templates/two.jinja", "templates/two.jinja", "git add templates/two.jinja"),
            ("data/my table.csv", '"data/my table.csv"', "git add --renormalize 'data/my table.csv'"),
        )
    ]
    Path(".gitattributes").write_text("")
    assert line_ends_notes(params) == ""
    assert line_ends_notes(params, Path("no.yaml")) == ""


def named(notes: str) -> list[str]:
    return [line.removeprefix("note: ").split(": neither")[0] for line in notes.splitlines()]


def test_all_that_the_stages_read_is_named_and_nothing_that_they_write(params: Path) -> None:
    assert named(untracked_notes(params)) == [
        "data/my table.csv",
        "dvc.yaml",
        "params.yaml",
        "src/relight/a.py",
        "src/relight/b.py",
        "stages/check.py",
        "templates (2 of its files)",
    ]


def test_the_commands_that_are_named_make_it_silent(params: Path) -> None:
    for line in untracked_notes(params).splitlines():
        subprocess.run(line.split("`")[1], shell=True, check=True)
    assert untracked_notes(params) == ""


def test_a_table_may_go_to_dvc_and_an_ignored_one_must_be_forced_into_git(params: Path) -> None:
    Path(".gitignore").write_text("*.csv\n")
    subprocess.run(["git", "add", "src", "stages", "templates", "dvc.yaml", "params.yaml"], check=True)
    assert untracked_notes(params) == (
        "note: data/my table.csv: neither Git nor DVC tracks it, so that a queued or --temp experiment, or a clone, "
        "would lack it; `git add --force 'data/my table.csv'`, or `dvc add 'data/my table.csv'` for a large table\n"
    )
    Path("data/my table.csv.dvc").touch()
    assert named(untracked_notes(params)) == ["data/my table.csv.dvc"]
    subprocess.run(["git", "add", "data/my table.csv.dvc"], check=True)
    assert untracked_notes(params) == ""


def test_where_there_are_no_experiments_there_is_nothing_to_note(params: Path) -> None:
    Path("dvc.yaml").unlink()
    assert untracked_notes(params) == ""
    Path("dvc.yaml").write_text(PIPELINE)
    Path(".git").rename("no.git")
    assert untracked_notes(params) == ""


def test_own_code_and_the_hashes_of_an_installed_relight_are_named(params: Path) -> None:
    Path("src/houses").mkdir()
    Path("src/houses/networks.py").touch()
    Path("relight.json").touch()
    lines = untracked_notes(params).splitlines()
    assert {"relight.json", "src/houses/networks.py"} <= set(named(untracked_notes(params)))
    assert next(line for line in lines if "relight.json" in line).endswith("`git add relight.json`")
