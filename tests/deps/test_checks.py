"""Problems of own code are found by reading, all of them at once; nothing is imported."""

import sys
from pathlib import Path

import pytest

from relight.deps.checks import own_code_files, own_code_problems
from relight.params import check_sections
from relight.runtime.strict_yaml import Document, parse_yaml
from tests.closure import REPOSITORY
from tests.own_projects import make

PIPELINE = """\
stages:
  prepare:
    cmd: a
    deps: [houses/data.py]
  train:
    cmd: a
    deps:
    - ./src/losses/
  evaluate:
    cmd: a
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


def params(text: str) -> Document:
    return parse_yaml(text, "params.yaml")


def problems(text: str) -> list[str]:
    return own_code_problems(params(text))


MARKER = "open('marker', 'w').close()\n"


def test_files_that_the_deps_lack_are_named_for_each_stage_that_runs_them(project: Path) -> None:
    make(project, houses__nets="from . import blocks\ndef Net(): pass\n", houses__blocks="x = 1\n")
    make(project, houses__data="def read(): pass\n")
    make(project, src__losses__pinball="from houses import blocks\ndef loss(): pass\n")
    text = (
        "prepare:\n  reader: {call: 'houses.data:read'}\nmodel:\n  name: {call: 'houses.nets:Net'}\n"
        "train:\n  loss: {call: 'losses.pinball:loss'}\nplot: {}\n"
    )
    fix = "run `relight deps --write`"
    assert problems(text) == [
        f"dvc.yaml:7: stage train must have houses/blocks.py among its deps, because model.name runs it; {fix}",
        f"dvc.yaml:7: stage train must have houses/nets.py among its deps, because model.name runs it; {fix}",
        f"dvc.yaml:9: stage evaluate must have houses/blocks.py among its deps, because model.name runs it; {fix}",
        f"dvc.yaml:9: stage evaluate must have houses/nets.py among its deps, because model.name runs it; {fix}",
    ]
    assert own_code_files(params(text)) == [
        *("houses/blocks.py", "houses/data.py", "houses/nets.py", "src/losses/pinball.py"),
    ]


def test_all_that_is_wrong_is_said_at_once_and_nothing_runs(project: Path) -> None:
    make(project, houses__nets=MARKER + "def Net(d_in, d_out, d_block=1): pass\n")
    make(project, houses__broken=MARKER + "def f(:\n", houses__helped="import houses.broken\ndef f(): pass\n")
    text = """\
model:
  name: {call: 'houses.nets:Nat', d_block: 1}
train:
  loss:
    call: houses.nets:Net
    d_blok: 5
    d_in: 3
  optimizer: {call: 'houses.missing:Sgd', learning_rate: 1}
  schedule: {call: 'subprocess:run', args: [touch, marker]}
evaluate:
  metrics:
  - {call: 'houses.broken:f', better: higher}
  - {call: 'houses.helped:f', better: higher}
"""
    (project / "dvc.yaml").write_text("stages:\n  train: {cmd: x, deps: [houses]}\n  evaluate: {deps: [houses]}\n")
    assert problems(text) == [
        "params.yaml:2: model.name: houses/nets.py must have Nat, got none; did you mean Net?",
        "params.yaml:6: train.loss.d_blok: is unknown to houses.nets:Net (houses/nets.py:2); did you mean d_block?",
        "params.yaml:8: train.optimizer: houses.missing: must be a module of this project, got no file "
        f"houses/missing.py or src/houses/missing.py in {project}",
        "params.yaml:9: train.schedule: subprocess: must be a module of this project, got one of Python's standard "
        "library; put the function into a module of yours",
        "params.yaml:12: evaluate.metrics.0: houses/broken.py:2: is not valid Python: invalid syntax",
        "params.yaml:13: evaluate.metrics.1: houses/broken.py:2: is not valid Python: invalid syntax",
    ]
    assert not (project / "marker").exists()
    assert not [name for name in sys.modules if name.split(".")[0] == "houses"]


@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("model.name", "{call: 'own:f', input: columns, a: 1}"),
        ("train.optimizer", "{call: 'own:f', learning_rate: 1, a: 2}"),
        ("train.optimizer", "{call: 'torch.optim:RMSprop', lr: 1}"),
        ("train.early_stopping.monitor", "{call: 'own:f', better: lower, a: 1}"),
        ("evaluate.metrics", "[{call: 'own:f', better: 3, name: x, a: 1}]"),
        ("train.loss", "{call: 'own:any', b: 1}"),
    ],
)
def test_settings_that_relight_reads_and_those_that_cannot_be_told_are_fine(key: str, call: str, project: Path) -> None:
    make(project, own="def f(a=1): pass\ndef any(**more): pass\n")
    (project / "dvc.yaml").write_text("stages:\n  train: {deps: [own.py]}\n  evaluate: {deps: [.]}\n")
    *above, last = key.split(".")
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(above)]
    assert problems("\n".join([*lines, f"{'  ' * len(above)}{last}: {call}\n"])) == []


def test_without_own_code_dvc_yaml_is_not_read(project: Path) -> None:
    (project / "dvc.yaml").unlink()
    assert problems("model: {name: linear}\ntrain: {optimizer: {call: 'torch.optim:Adam'}}\n") == []


@pytest.mark.parametrize("text", ["stages: []\n", "stages: {train: 5}\n", "stages: {train: {deps: x}}\n", "a: 1\n"])
def test_an_odd_pipeline_lacks_every_dep(text: str, project: Path) -> None:
    make(project, own="def f(): pass\n")
    (project / "dvc.yaml").write_text(text)
    (problem,) = problems("train: {loss: {call: 'own:f'}}\n")
    assert "stage train must have own.py among its deps, because train.loss runs it" in problem


def test_a_pipeline_that_cannot_be_read_is_said(project: Path) -> None:
    make(project, own="def f(): pass\n")
    (project / "dvc.yaml").write_text("stages: [\n")
    (problem,) = problems("train: {loss: {call: 'own:f'}}\n")
    assert problem.startswith("dvc.yaml:2:1: ")


def test_they_are_said_with_the_problems_of_the_sections() -> None:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("name: linear ", "name: {call: 'own:Net'} ").replace("epochs: 1000", "epochs: 0")
    found = check_sections(params(text)).problems
    assert [problem.split(" must be ")[0].split(": ", 1)[1] for problem in found] == [
        "train.epochs:",
        "model.name: own:",
    ]
