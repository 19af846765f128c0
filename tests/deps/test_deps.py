"""`relight deps`: the lines that dvc.yaml lacks, printed or written; twice is once."""

from pathlib import Path

import pytest

from relight.deps.deps import deps
from relight.errors import InputError
from tests.own_projects import make

PARAMS = "model: {name: {call: 'houses.nets:Net'}}\ntrain: {loss: {call: 'houses.losses:loss'}}\n"
PIPELINE = """\
# the pipeline
stages:
  train:
    cmd: exec python -m stages.train
    deps:
      - data/x   # what split wrote
      - houses/old.py
      - stages/train.py
    outs: ["m"]
  evaluate:
    cmd: exec python -m stages.evaluate
    deps: [m]
  post:
    cmd: python scripts/post.py --fast
    deps: [m]
  plain:
    cmd: cat m > n
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    Path("dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    make(tmp_path, houses__nets="from .blocks import x\ndef Net(): pass\n", houses__blocks="x = 1\n")
    make(tmp_path, houses__losses="def loss(): pass\n", scripts__post="import houses.blocks, relight.errors\n")
    return tmp_path


def run(*, write: bool) -> str:
    return deps(Path("params.yaml"), Path("dvc.yaml"), write=write)


LINES = """\
  train:
    deps:
      - houses/blocks.py
      - houses/losses.py
      - houses/nets.py
  evaluate:
    deps:
      - houses/blocks.py
      - houses/nets.py
  post:
    deps:
      - houses/blocks.py
      - scripts/post.py
"""
NOTE = (
    "note: dvc.yaml: stage train has houses/old.py among its deps, and no call runs it; "
    "remove the line if nothing else in the stage reads the file\n"
)
WRITTEN = (
    PIPELINE.replace(
        "      - stages/train.py\n",
        "      - stages/train.py\n      - houses/blocks.py\n      - houses/losses.py\n      - houses/nets.py\n",
    )
    .replace("evaluate\n    deps: [m]", "evaluate\n    deps: [m, houses/blocks.py, houses/nets.py]")
    .replace("--fast\n    deps: [m]", "--fast\n    deps: [m, houses/blocks.py, scripts/post.py]")
)


def test_the_lines_are_printed_and_nothing_is_written() -> None:
    assert run(write=False) == f"dvc.yaml: 7 lines to add; `relight deps --write` does it\n{LINES}{NOTE}"
    assert Path("dvc.yaml").read_text(encoding="utf-8") == PIPELINE


def test_the_lines_are_written_once() -> None:
    assert run(write=True) == f"dvc.yaml: 7 lines added\n{LINES}{NOTE}"
    assert Path("dvc.yaml").read_text(encoding="utf-8") == WRITTEN
    before = Path("dvc.yaml").stat()
    for write in (True, False):
        assert run(write=write) == f"dvc.yaml: names all own code that the stages run\n{NOTE}"
    assert Path("dvc.yaml").stat() == before


SWEEP = """\
params:
  model.name.call: ["houses.nets:Net", "houses.others:Net"]
  model.name.d_block: [16, 32]
  train.loss.call: [houses.more:loss, houses.missing:loss, "no call", 3]
"""


@pytest.mark.parametrize("file", ["sweep.yaml", "second.yaml", "sweeps/second.yaml"])
def test_the_own_code_that_a_sweep_tries_is_a_dependency_like_that_of_params_yaml(project: Path, file: str) -> None:
    make(project, houses__others="from . import parts\ndef Net(): pass\n", houses__parts="", houses__more="")
    run(write=True)
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_text(SWEEP, encoding="utf-8")
    lines = "  train:\n    deps:\n      - houses/more.py\n      - houses/others.py\n      - houses/parts.py\n"
    evaluate = "  evaluate:\n    deps:\n      - houses/others.py\n      - houses/parts.py\n"
    assert run(write=True) == f"dvc.yaml: 5 lines added\n{lines}{evaluate}{NOTE}"
    assert run(write=True) == f"dvc.yaml: names all own code that the stages run\n{NOTE}"
    (project / file).unlink()
    assert "stage evaluate has houses/others.py among its deps, and no call runs it" in run(write=True)


@pytest.mark.parametrize(("path", "text"), [("sweep.yaml", "params: [\n"), ("other/dvc.yaml", ""), ("a.yaml", "- 1\n")])
def test_files_that_are_no_sweep_of_this_model_are_left_alone(project: Path, path: str, text: str) -> None:
    make(project, houses__others="def Net(): pass\n")
    run(write=True)
    (project / path).parent.mkdir(exist_ok=True)
    (project / path).write_text(text, encoding="utf-8")
    if path == "other/dvc.yaml":
        (project / "other/sweep.yaml").write_text(SWEEP, encoding="utf-8")
    assert run(write=True) == f"dvc.yaml: names all own code that the stages run\n{NOTE}"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("dvc.yaml", "stages: [\n", "dvc.yaml:2:1: "),
        ("dvc.yaml", "stages: &a {}\nb: *a\n", "dvc.yaml:1: anchors and aliases"),
        ("dvc.yaml", "stages:\n  train: {cmd: x}\n", "dvc.yaml: stage evaluate is missing"),
        ("dvc.yaml", PIPELINE.replace("deps: [m]", "deps: ${deps}", 1), "dvc.yaml: lines cannot be added"),
        ("params.yaml", PARAMS.replace("Net", "Nut"), "params.yaml:1: model.name: houses/nets.py must have Nut, got"),
        ("houses/blocks.py", "if:\n", "params.yaml:1: model.name: houses/blocks.py:1: is not valid Python"),
        ("scripts/post.py", "if:\n", "scripts/post.py:1: is not valid Python"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(path: str, text: str, said: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
    before = Path("dvc.yaml").read_bytes()
    with pytest.raises(InputError) as error:
        run(write=True)
    assert error.value.problems[0].startswith(said)
    assert Path("dvc.yaml").read_bytes() == before


def test_without_own_code_there_is_nothing_to_add() -> None:
    Path("params.yaml").write_text("model: {name: linear}\n", encoding="utf-8")
    Path("dvc.yaml").write_text("stages: {train: {cmd: x}}\n", encoding="utf-8")
    assert run(write=True) == "dvc.yaml: names all own code that the stages run\n"
