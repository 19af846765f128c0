"""Calls in braces where DVC's C parser is installed: what it cannot read is said, and what it cannot read later."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from relight.deps.braces import BracedCall, brace_notes, brace_problems, braced_calls
from relight.deps.checks import own_code_problems
from relight.runtime.strict_yaml import read_yaml

PARAMS = """\
model:
  name: {call: houses.nets:Net, d_block: 8}   # {call: a:b}
train:
  loss: {quantile: 0.9, call: "houses.losses:pinball"}
  optimizer:
    call: torch.optim:RMSprop
    learning_rate: 0.1
  schedule: {name: constant, warmup: 0}
  early_stopping: {patience: 3, monitor: {call: 'houses.metrics:within', better: higher}}
evaluate:
  metrics:
    - {call: houses.metrics:a, better: lower}
    - call: houses.metrics:b
      better: 1
  others: [{call: houses.metrics:c}, {call: name}]
"""
CALLS = [
    BracedCall(2, "model.name", False),
    BracedCall(4, "train.loss", True),
    BracedCall(9, "train.early_stopping.monitor", True),
    BracedCall(12, "evaluate.metrics.0", False),
    BracedCall(15, "evaluate.others.0", False),
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def c_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "relight.deps.braces.find_spec",
        lambda name: ModuleSpec(name, None) if name == "_ruamel_yaml" else found(name),
    )


def test_calls_in_braces_are_found_with_their_lines() -> None:
    assert braced_calls(PARAMS) == CALLS
    assert braced_calls("a: {call: [") == braced_calls("") == braced_calls("- 1\n") == []


@pytest.mark.usefixtures("c_parser")
def test_what_the_c_parser_cannot_read_now_is_a_problem() -> None:
    assert [problem.split(": must")[0] for problem in brace_problems(Path("params.yaml"))] == [
        "params.yaml:2: model.name",
        "params.yaml:12: evaluate.metrics.0",
        "params.yaml:15: evaluate.others.0",
    ]
    assert brace_problems(Path("params.yaml"))[0].endswith(
        ": must be in lines, got a call in braces without quotes, which the C parser of ruamel.yaml.clib cannot read, "
        "so that DVC calls the file corrupted; write `call:` on a line of its own below the key, or run "
        "`pip uninstall ruamel.yaml.clib`"
    )
    assert brace_problems(Path("missing.yaml")) == []


@pytest.mark.usefixtures("c_parser")
def test_what_it_cannot_read_after_an_experiment_is_a_note() -> None:
    one, other = brace_notes(Path("params.yaml")).splitlines()
    assert one == (
        "note: params.yaml:4: train.loss: `dvc exp run -S` writes this call without its quotes, and the C parser of "
        "ruamel.yaml.clib cannot read it then; write `call:` on a line of its own below the key, or run "
        "`pip uninstall ruamel.yaml.clib`"
    )
    assert other.startswith("note: params.yaml:9: train.early_stopping.monitor: ")


@pytest.mark.usefixtures("c_parser")
def test_a_stage_says_it_with_everything_else(project: Path) -> None:
    (project / "params.yaml").write_text("model: {name: {call: houses.nets:Net}}\n", encoding="utf-8")
    problems = own_code_problems(read_yaml(Path("params.yaml")))
    assert [problem.split(", ")[0] for problem in problems] == [
        "params.yaml:1: model.name: houses.nets: must be a module of this project",
        "params.yaml:1: model.name: must be in lines",
    ]


@pytest.mark.skipif(importlib.util.find_spec("_ruamel_yaml") is not None, reason="DVC's C parser is installed")
def test_without_the_c_parser_nothing_is_said(project: Path) -> None:
    assert brace_problems(project / "params.yaml") == []
    assert brace_notes(project / "params.yaml") == ""


def test_lines_stay_lines_when_dvc_writes_them(project: Path) -> None:
    """So the advice holds: after `dvc exp run -S` the C parser can still read it."""
    from dvc.utils.serialize import modify_yaml

    lines = "model:\n  name:\n    call: houses.nets:Net\n    d_block: 8\nevaluate:\n  metrics:\n  - call: a.b:c\n"
    (project / "params.yaml").write_text(lines, encoding="utf-8")
    with modify_yaml("params.yaml") as content:
        content["model"]["name"]["d_block"] = 4
    assert Path("params.yaml").read_text(encoding="utf-8") == lines.replace("8", "4")
