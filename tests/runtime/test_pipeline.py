"""The names in the stages of a dvc.yaml, in every form that DVC reads."""

from pathlib import Path
from typing import Any

import pytest

from relight.runtime.dependencies import Declaration, read_declaration
from relight.runtime.pipeline import named_params, named_paths, named_sections, read_stages
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
