"""A project whose network, loss, metric, schedule, optimizer and reader are its own, from end to end with the real dvc.

The code is that of docs/own-code.md.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml

from tests.closure import REPOSITORY
from tests.repositories import Repository, make_repository

EXAMPLE = REPOSITORY / "examples/own_code"
FILES = {
    "prepare": ["houses/data.py"],
    "train": [f"houses/{name}.py" for name in ("blocks", "losses", "metrics", "networks", "optimizers", "schedules")],
    "evaluate": ["houses/blocks.py", "houses/metrics.py", "houses/networks.py"],
}


def houses(n: int, seed: int) -> list[dict[str, float]]:
    """Prices that are a product of area and rooms, with noise."""
    draw = random.Random(seed)
    rows = [{"area": draw.uniform(30, 200), "rooms": draw.randint(1, 6), "age": draw.uniform(0, 90)} for _ in range(n)]
    return [{**row, "price": row["area"] * (1 + row["rooms"] / 10) * draw.uniform(0.9, 1.1)} for row in rows]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The example in a repository, with the deps that `relight deps --write` adds; run once and committed."""
    root = tmp_path_factory.mktemp("own") / "repository"
    root.mkdir()
    repository = make_repository(root)
    shutil.copytree(EXAMPLE / "houses", root / "houses", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLE / "params.yaml", root / "params.yaml")
    (root / "data/raw/houses.json").write_text(json.dumps({"houses": houses(250, 0)}), encoding="utf-8")
    (root / "new.json").write_text(json.dumps({"houses": houses(5, 1)}), encoding="utf-8")
    return repository


def commit(repository: Repository, message: str) -> None:
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", message)):
        done = repository.run(*command)
        assert done.returncode == 0, done.stderr


def test_the_whole_of_it(project: Repository) -> None:
    """One test, because each step needs the one before it."""
    refused_before_anything_runs(project)
    deps_are_written(project)
    assert project.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    commit(project, "own code, run")
    assert project.repro() == []
    it_is_recorded(project)
    it_is_used(project)
    a_sweep_is_judged_by_the_own_metric(project)
    its_edits_are_seen(project)
    a_commit_is_rebuilt_with_its_own_files(project)


def refused_before_anything_runs(project: Repository) -> None:
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    for stage, paths in FILES.items():
        for path in paths:
            assert f"stage {stage} must have {path} among its deps, because " in done.stderr
    assert "run `relight deps --write`" in done.stderr
    assert not (project.root / "data/prepared").exists()


def deps_are_written(project: Repository) -> None:
    code, said = project.relight("deps", "--write")
    assert (code, said.splitlines()[0]) == (0, "dvc.yaml: 10 lines added")
    stages = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert {stage: stages[stage]["deps"][-len(paths) :] for stage, paths in FILES.items()} == FILES
    assert project.relight("deps")[1] == "dvc.yaml: names all own code that the stages run\n"


def it_is_recorded(project: Repository) -> None:
    description = json.loads((project.root / "models/model.json").read_text(encoding="utf-8"))
    assert description["model"]["name"]["call"] == "houses.networks:ResidualMlp"
    assert list(description["own_code"]) == ["houses/blocks.py", "houses/networks.py"]
    manifest = json.loads((project.root / "models/manifest.json").read_text(encoding="utf-8"))
    assert set(FILES["train"]) <= set(manifest["code"])
    assert not [path for path in manifest["data"] if path.endswith(".py")]
    code, said = project.relight("trace", "models/model.pth", "--no-remote")
    assert code == 0, said
    assert "houses/networks.py" not in said  # among the code, which is only counted
    assert "data/raw/houses.json (raw)" in said
    scores = json.loads((project.root / "reports/metrics.json").read_text(encoding="utf-8"))
    assert 0 <= scores["test"]["within"] <= 1


def it_is_used(project: Repository) -> None:
    code, said = project.relight("predict", "new.json", "-o", "predictions.csv")
    assert code == 0, said
    assert len((project.root / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 6
    code, said = project.relight("export", "--format", "onnx", "-o", "houses.onnx")
    assert code == 0, said
    for name in ("predictions.csv", "houses.onnx"):
        (project.root / name).unlink()


def a_sweep_is_judged_by_the_own_metric(project: Repository) -> None:
    """A setting of the own network is tried; DVC and Relight compare the trial with the commit by the own metric."""
    (project.root / "sweep.yaml").write_text(
        "name: wide\nmetric: validation.within\nbudget: {trials: 1}\nparams:\n  model.name.d_block: [16]\n",
        encoding="utf-8",
    )
    commit(project, "a sweep")
    code, said = project.relight("sweep")
    assert code == 0, said
    assert "wide-0000" in said
    done = project.run("dvc", "metrics", "diff", "--json", "HEAD", "wide-0000")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["reports/metrics.json"]
    before = json.loads((project.root / "reports/metrics.json").read_text(encoding="utf-8"))
    assert scores["validation.within"]["old"] == before["validation"]["within"]
    code, said = project.relight("compare", "HEAD", "wide-0000")
    assert code == 0, said
    assert "within ↑" in said
    assert "model.name.d_block" in said


def its_edits_are_seen(project: Repository) -> None:
    """Each edit runs the stages of its part again; until then, prediction says that the code has changed."""
    project.edit("houses/blocks.py", '"""Parts of networks."""', '"""Parts."""')
    code, said = project.relight("predict", "new.json", "-o", "predictions.csv")
    assert code == 0, said
    assert "note: models/model.json: houses/blocks.py changed after the training" in said
    project.edit("houses/blocks.py", '"""Parts."""', '"""Parts of networks."""')
    project.edit("houses/losses.py", "Return the mean", "Return a mean")
    status = project.run("dvc", "status").stdout
    assert "houses/losses.py" in status
    assert "evaluate:\n" not in status
    project.edit("houses/losses.py", "import torch\n", "import torch\n\nfrom . import extra\n")
    (project.root / "houses/extra.py").write_text("x = 1\n", encoding="utf-8")
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "stage train must have houses/extra.py among its deps, because train.loss runs it" in done.stderr
    assert project.run("git", "checkout", "-q", "--", "houses").returncode == 0
    assert project.run("dvc", "checkout", "-q").returncode == 0  # the stage began: its outs are in the cache
    (project.root / "houses/extra.py").unlink()
    (project.root / "predictions.csv").unlink()


def a_commit_is_rebuilt_with_its_own_files(project: Repository) -> None:
    """The workspace holds other code, which cannot even be imported."""
    project.edit("houses/networks.py", '"""Networks', 'raise SystemExit(1)\n"""Networks')
    code, said = project.relight("verify", "--stage", "train")
    assert code == 0, said
    assert "all 4 outs are equal, byte for byte" in said
    shutil.rmtree(project.root / "houses")
    code, said = project.relight("predict", "new.json", "-o", "predictions.csv")
    assert code == 2
    assert "run this in the project that trained it, or bring its code back" in said


def test_the_example_is_that_of_the_page() -> None:
    page = (REPOSITORY / "docs/own-code.md").read_text(encoding="utf-8")
    for path in sorted(Path(EXAMPLE).rglob("*.*")):
        if "__pycache__" not in path.parts:
            assert f'title="{path.relative_to(REPOSITORY).as_posix()}"' in page
