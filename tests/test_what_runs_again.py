"""Which stages run after which change: the layout is the cache."""

import pytest

from tests.repositories import Repository

PARAMS = {
    "prepare": ("task: auto ", "task: regression ", ["prepare", "plot"]),  # the same table comes out
    "split": ("  seed: 42\n  gap", "  seed: 43\n  gap", ["split", "plot"]),  # ordered rows ignore the seed
    "split.train": ("train: 0.8\n  validation: 0.0\n  test: 0.2", "train: 0.7\n  validation: 0.0\n  test: 0.3",
                    ["split", "train", "evaluate", "plot"]),
    "model": ("numeric: none ", "numeric: standardize ", ["train", "evaluate", "plot"]),
    "train": ("epochs: 1000", "epochs: 10", ["train", "evaluate", "plot"]),
    "plot": ("dpi: 150", "dpi: 80", ["plot"]),
    "a comment": ("prepare:", "# what a fine day\nprepare:", []),
}  # fmt: skip

FILES = {
    "data/raw/line.yaml": ["prepare"],
    "data/raw/penguins.csv": [],
    "stages/prepare.py": ["prepare"],
    "stages/split.py": ["split"],
    "stages/train.py": ["train"],
    "stages/evaluate.py": ["evaluate"],
    "stages/plot.py": ["plot"],
    "src/relight/domain/columns.py": ["prepare"],
    "src/relight/domain/splitting.py": ["split"],
    "src/relight/domain/losses.py": ["train"],
    "src/relight/domain/metrics.py": ["evaluate"],
    "src/relight/domain/figures.py": ["plot"],
    "src/relight/domain/models/mlp.py": ["train", "evaluate"],
    "src/relight/params/train.py": ["train"],
    "src/relight/io/yaml12.py": ["prepare", "split", "train", "evaluate", "plot"],
    "src/relight/cli.py": [],
    "src/relight/workflows/check.py": [],
}


def test_nothing_runs_the_second_time(finished_copy: Repository) -> None:
    assert finished_copy.repro() == []
    assert finished_copy.run("dvc", "status", "-q").returncode == 0


@pytest.mark.parametrize("change", PARAMS)
def test_a_param_runs_what_it_touches(finished_copy: Repository, change: str) -> None:
    old, new, expected = PARAMS[change]
    finished_copy.edit("params.yaml", old, new)
    assert finished_copy.repro() == expected


@pytest.mark.parametrize("path", FILES)
def test_a_file_runs_the_stages_that_read_it(finished_copy: Repository, path: str) -> None:
    file = finished_copy.root / path
    # a remark changes the bytes and no result: the stages behind it stay cached
    file.write_text(file.read_text() + ("1,2\n" if path.endswith(".csv") else "\n# a remark\n"))
    assert finished_copy.repro() == FILES[path]
