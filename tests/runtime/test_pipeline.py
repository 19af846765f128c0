"""The names in the stages of a dvc.yaml, in every form that DVC reads."""

from pathlib import Path
from typing import Any

import pytest

from relight.runtime.audit import Audit
from relight.runtime.dependencies import Declaration, read_declaration
from relight.runtime.pipeline import (
    frozen_params,
    frozen_stages,
    named_params,
    named_paths,
    named_sections,
    read_stages,
)
from relight.runtime.runner import Stage
from relight.runtime.strict_yaml import parse_yaml

PIPELINE = """\
stages:
  plain: {cmd: x, params: [one, two.alpha], deps: ["${two.path}", b], outs: [c, {d: {cache: false}}]}
  files:
    cmd: x
    params:
      - other.yaml: [three]
      - params.yaml: [four]
      - ./params.yaml: [five]
      - params.yaml:
      - relight.json: [train]
    metrics: [{m.json: {cache: false}}]
    plots: [p.csv]
  each: {foreach: [1, 2], do: {cmd: x, params: [six]}}
  empty:
"""


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(PIPELINE)
    return read_stages()


def test_params_are_those_of_params_yaml(stages: dict[str, dict[str, Any]]) -> None:
    assert {name: named_params(entry) for name, entry in stages.items()} == {
        "plain": {"params.yaml": ("one", "two.alpha")},
        "files": {"other.yaml": ("three",), "params.yaml": None, "relight.json": ("train",)},
        "each": {"params.yaml": ("six",)},
    }  # fmt: skip
    assert named_sections(stages) == ["one", "two", "six"]


def test_paths_are_read_with_and_without_settings(stages: dict[str, dict[str, Any]]) -> None:
    assert named_paths(stages["plain"], "outs") == ["c", "d"]
    assert named_paths(stages["files"], "outs", "metrics", "plots") == ["m.json", "p.csv"]


def test_the_declaration_has_the_values_of_params_yaml_in_its_paths(stages: dict[str, dict[str, Any]]) -> None:
    assert set(stages) == {"plain", "files", "each"}
    document = parse_yaml("two: {path: a.csv, alpha: 1}\n", "params.yaml")
    assert read_declaration("plain", document) == Declaration("plain", ("a.csv", "b"), ("c", "d"), ("one", "two.alpha"))
    all_of_it = Declaration("files", (), ("m.json", "p.csv"), ("two",), ("train",), ("other.yaml",))
    assert read_declaration("files", document) == all_of_it


@pytest.mark.parametrize("text", ["stages:\n", "stages: [a]\n", "vars: []\n", "stages: {a: 3}\n"])
def test_a_file_without_stages_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    assert read_stages(tmp_path / "dvc.yaml") == {}


FROZEN = """\
stages:
  prepare: {cmd: x, params: [prepare], frozen: FROZEN}
  train: {cmd: x, params: [model, train.epochs], frozen: true}
  own: {cmd: x, params: [post, train], frozen: true}
  never: {cmd: x, params: [later], frozen: true}
  plot: {cmd: x, params: [prepare, model, train, post, later, plot]}
"""
LOCK = """\
stages:
  prepare: {cmd: x, params: {params.yaml: {prepare: {source: old.csv}}}}
  train: {cmd: x, params: {params.yaml: {model: {name: mlp}, train.epochs: 1000}}}
  own: {cmd: x, params: {params.yaml: {post: {k: 1}, train: {epochs: 7}}, relight.json: {a: 0}}}
  plot: {cmd: x}
"""
PARAMS = """\
prepare: {source: new.csv}
model: {name: linear}
train: {epochs: 20, seed: 1}
post: {k: 2}
later: 3
plot: {dpi: 9}
"""


@pytest.mark.parametrize(("frozen", "source"), [("true", "old.csv"), ("True", "old.csv"), ("false", "new.csv")])
def test_a_stage_is_shown_the_params_that_frozen_stages_ran_with(
    frozen: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A section is that of the stage of its name: the train section of a frozen stage of one's own made no model."""
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(FROZEN.replace("FROZEN", frozen))
    document = parse_yaml(PARAMS, "params.yaml")
    without_lock = read_declaration("plot", document)
    Path("dvc.lock").write_text(LOCK)
    declared = read_declaration("plot", document)
    shown = [
        Stage(each, document, Path(), {}, Audit("plot", (), Path())).all_params() for each in (declared, without_lock)
    ]
    assert shown[0] == {
        "prepare": {"source": source},
        "model": {"name": "mlp"},
        "train": {"epochs": 1000, "seed": 1},
        "post": {"k": 1},
        "later": 3,
        "plot": {"dpi": 9},
    }
    assert shown[1] == document.value
    assert document.value["train"]["epochs"] == 20  # the stages themselves read params.yaml


def test_a_lock_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(FROZEN)
    Path("dvc.lock").write_text("stages: &a {}\n")
    assert read_declaration("plot", parse_yaml(PARAMS, "params.yaml")).frozen == {}
    assert capsys.readouterr().err.startswith("dvc.lock:1: anchors and aliases (& and *) are not read; ")


def test_without_frozen_stages_nothing_is_read_of_the_lock() -> None:
    stages = {"train": {"params": ["train"], "frozen": False}, "plot": {}}
    assert frozen_stages(stages) == []
    assert frozen_params(stages, {"train": {"train": {"epochs": 1}}}) == {}
