"""Which stages run after which change: the layout is the cache. The README's table of it, line by line, and more."""

import re

import pytest

from tests.closure import REPOSITORY
from tests.repositories import Repository

STAGES = ("prepare", "split", "train", "evaluate", "plot")
ROW = re.compile(r"^\| ([^|]+?) \|" + r" ?(●?) ?\|" * len(STAGES) + "$", re.MULTILINE)
README = {
    row[0]: [stage for stage, mark in zip(STAGES, row[1:], strict=True) if mark]
    for row in ROW.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
}
COMMENT = "\n# a comment\n"  # changes the bytes and no result: the stages behind it stay cached

EDITS = {  # the first column of the README's table → files, each with an old and a new text; "": at the end
    "`noise: 0.05` in `data/raw/line.yaml`": [("data/raw/line.yaml", "noise: 0.0 ", "noise: 0.05 ")],
    "`split.method: random`": [("params.yaml", "method: ordered", "method: random")],
    "`model.numeric: standardize`": [("params.yaml", "numeric: none", "numeric: standardize")],
    "`train.epochs: 100`": [("params.yaml", "epochs: 1000", "epochs: 100")],
    "`plot.dpi: 100`": [("params.yaml", "dpi: 150", "dpi: 100")],
    "a comment in `params.yaml`, or another file in `data/raw`": [
        ("params.yaml", "", COMMENT),
        ("data/raw/penguins.csv", "", "1,2\n"),
    ],
    "a comment in `src/relight/train/losses/losses.py`": [("src/relight/train/losses/losses.py", "", COMMENT)],
    "a comment in `src/relight/metrics/scorers.py`": [("src/relight/metrics/scorers.py", "", COMMENT)],
    "a comment in `src/relight/runtime/runner.py`": [("src/relight/runtime/runner.py", "", COMMENT)],
}

PARAMS = {
    "prepare": ("task: auto ", "task: regression ", ["prepare", "plot"]),  # the same table comes out
    "split": ("  seed: 42\n  gap", "  seed: 43\n  gap", ["split", "plot"]),  # ordered rows ignore the seed
    "split.train": ("train: 0.8\n  validation: 0.0\n  test: 0.2", "train: 0.7\n  validation: 0.0\n  test: 0.3",
                    ["split", "train", "evaluate", "plot"]),
}  # fmt: skip

FILES = {
    "data/raw/line.yaml": ["prepare"],
    "stages/prepare.py": ["prepare"],
    "stages/split.py": ["split"],
    "stages/train.py": ["train"],
    "stages/evaluate.py": ["evaluate"],
    "stages/plot.py": ["plot"],
    "src/relight/prepare/columns.py": ["prepare"],
    "src/relight/split/assignment.py": ["split"],
    "src/relight/plot/figures.py": ["plot"],
    "src/relight/model/networks/mlp.py": ["train", "evaluate"],
    "src/relight/train/params.py": ["train"],
    "src/relight/runtime/strict_yaml.py": ["prepare", "split", "train", "evaluate", "plot"],
    "src/relight/cli.py": [],
    "src/relight/commands/check.py": [],
}


def append(repository: Repository, path: str, text: str) -> None:
    file = repository.root / path
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_nothing_runs_the_second_time(finished_copy: Repository) -> None:
    assert finished_copy.repro() == []
    assert finished_copy.run("dvc", "status", "-q").returncode == 0


def test_every_line_of_the_readme_is_tried() -> None:
    assert list(README) == list(EDITS)


@pytest.mark.parametrize("change", EDITS)
def test_the_table_of_the_readme(finished_copy: Repository, change: str) -> None:
    for path, old, new in EDITS[change]:
        if old:
            finished_copy.edit(path, old, new)
        else:
            append(finished_copy, path, new)
    assert finished_copy.repro() == README[change]


@pytest.mark.parametrize("change", PARAMS)
def test_a_param_runs_what_it_touches(finished_copy: Repository, change: str) -> None:
    old, new, expected = PARAMS[change]
    finished_copy.edit("params.yaml", old, new)
    assert finished_copy.repro() == expected


@pytest.mark.parametrize("path", FILES)
def test_a_file_runs_the_stages_that_read_it(finished_copy: Repository, path: str) -> None:
    append(finished_copy, path, COMMENT)
    assert finished_copy.repro() == FILES[path]
