"""The code of an own network in a saved model: recorded, compared when it is loaded, never taken from a stranger."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relight.errors import RelightError
from relight.export.export import export
from relight.model.manifest import is_code, split_data_and_code
from relight.model.saved_model import load_model
from relight.own_code.calls import Call
from relight.predict.predict import predict
from tests.own_projects import make
from tests.saved_models import Saved, save_model

NETWORK = """\
from torch import nn
from . import blocks


class Net(nn.Module):
    def __init__(self, d_in, d_out, d_block=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(d_in, d_block), nn.ReLU(), nn.Linear(d_block, d_out))

    def forward(self, x):
        return blocks.scale * self.layers(x)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project in the current folder, whose modules are forgotten afterwards."""
    make(tmp_path, own_zoo__nets=NETWORK, own_zoo__blocks="scale = 2.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    forget()


def forget() -> None:
    """Let the next load import the files as they are then, as another process would."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("own_zoo", "evil", "theirs", "downloads")]:
        del sys.modules[name]


@pytest.fixture
def saved(project: Path) -> Saved:
    call = Call(call="own_zoo.nets:Net", d_block=8)
    made = save_model(project, call, "x c", "binary", numeric="standardize")
    forget()
    return made


def content(saved: Saved) -> dict[str, Any]:
    return dict(json.loads((saved.models / "model.json").read_text(encoding="utf-8")))


def rewrite(saved: Saved, change: Callable[[dict[str, Any]], None]) -> None:
    value = content(saved)
    change(value)
    (saved.models / "model.json").write_text(json.dumps(value), encoding="utf-8")


def refusal(saved: Saved) -> tuple[str, ...]:
    with pytest.raises(RelightError) as error:
        load_model(saved.models)
    return error.value.problems


def test_the_call_and_the_digests_of_its_files_are_in_model_json(saved: Saved, project: Path) -> None:
    written = content(saved)
    assert written["model"]["name"] == {"call": "own_zoo.nets:Net", "d_block": 8}
    assert written["own_code"] == {
        f"own_zoo/{name}.py": hashlib.sha256((project / f"own_zoo/{name}.py").read_bytes()).hexdigest()
        for name in ("blocks", "nets")
    }


def test_a_model_of_ours_has_no_such_field(tmp_path: Path) -> None:
    assert "own_code" not in content(save_model(tmp_path, "mlp", "x c", "binary", numeric="standardize"))


def test_it_is_loaded_predicts_and_is_exported_without_a_word(
    saved: Saved, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_model(saved.models)
    network = load_model(saved.models).model.network  # type: ignore[union-attr]
    assert sum(type(module).__name__ == "Net" for module in network.modules()) == 1
    assert type(model).__name__ == "TableModel"
    assert "7 predictions of y" in predict(saved.table, models=saved.models, output=project / "out.csv")
    said = export("pt2", models=saved.models, output=None, prepared=project / "no", validation=project / "no")
    assert "answers" in said
    assert "note" not in capsys.readouterr().err


def test_code_that_changed_is_said_with_its_files(
    saved: Saved, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "own_zoo/blocks.py").write_text("scale = 3.0\n", encoding="utf-8")
    load_model(saved.models)
    assert capsys.readouterr().err == (
        f"note: {saved.models}/model.json: own_zoo/blocks.py changed after the training, so that the network may be "
        "another one; bring the old code back, or run `dvc repro`\n"
    )


def test_weights_that_do_not_fit_the_changed_code_are_one_message(saved: Saved, project: Path) -> None:
    path = project / "own_zoo/nets.py"
    path.write_text(NETWORK.replace("nn.ReLU(), ", "nn.ReLU(), nn.Linear(d_block, d_block), "), encoding="utf-8")
    (problem,) = refusal(saved)
    assert problem.startswith(f"{saved.models}/model.pth: network.")
    assert problem.endswith(
        f"; {saved.models}/model.json: own_zoo/nets.py changed after the training, so that the network may be another "
        "one; bring the old code back, or run `dvc repro`"
    )
    assert "dvc checkout" not in problem


def test_settings_that_the_changed_code_does_not_take_are_said_with_the_change(saved: Saved, project: Path) -> None:
    (project / "own_zoo/nets.py").write_text(NETWORK.replace("d_block", "width"), encoding="utf-8")
    first, second = refusal(saved)
    assert first == "model.name.d_block: is unknown to own_zoo.nets:Net (own_zoo/nets.py:5); known are width"
    assert "own_zoo/nets.py changed after the training" in second


@pytest.mark.parametrize("path", ["own_zoo/nets.py", "own_zoo/blocks.py"])
def test_code_that_is_missing_is_named_with_the_next_step(path: str, saved: Saved, project: Path) -> None:
    (project / path).unlink()
    problems = " ".join(refusal(saved))
    assert path in problems
    assert "bring its code back" in problems or "bring the old code back" in problems


def test_elsewhere_the_project_is_named(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    first, second = refusal(saved)
    assert f"got no file own_zoo/nets.py or src/own_zoo/nets.py in {tmp_path}/elsewhere" in first
    assert second.endswith("own_zoo.nets:Net: run this in the project that trained it, or bring its code back")
    assert load_model(saved.models, tmp_path).description.own_code


MARKER = "open('marker', 'w').close()\n"
STRANGE: list[dict[str, Any]] = [
    {"call": "subprocess:run", "args": ["touch", "marker"]},
    {"call": "os:system", "command": "touch marker"},
    {"call": "builtins:exec", "source": MARKER},
    {"call": "pathlib:Path.touch"},
    {"call": "../evil:Net"},
    {"call": "/tmp/evil:Net"},
    {"call": "models/evil:Net"},
    {"call": "models.evil:Net"},
    {"call": "evil:Net\n"},
    {"call": "evil\x00:Net"},
    {"call": "e\uff56il:Net"},
    {"call": ".evil:Net"},
    {"call": "evil"},
    {"call": "evil:Net", "d_in": 3},
    {"call": "linked:Net"},
    {"call": "reached:system", "command": "touch marker"},
    {"call": "starred:system", "command": "touch marker"},
    {"call": "json:Net"},
    {"call": "numpy.evil:Net"},
    {"call": "torch:save"},
    {"call": "torch.hub:load"},
    {"call": "torch.nn:init"},
    {"call": "relight.cli:main"},
    {"call": ["subprocess:run"]},
    {"call": {"call": "subprocess:run"}},
    {"call": None},
]


@pytest.mark.parametrize("name", STRANGE, ids=lambda name: str(name["call"]))
def test_a_model_of_a_stranger_runs_nothing(name: dict[str, Any], saved: Saved, project: Path) -> None:
    make(project.parent, outside=MARKER)
    make(project, models__evil=MARKER, json=MARKER, numpy__evil=MARKER)
    make(project, reached="from os import system\n", starred="from os import *\n")
    (project / "linked.py").symlink_to(project.parent / "outside.py")
    rewrite(saved, lambda value: value["model"].update(name=name))
    problems = refusal(saved)
    assert all("internal error" not in problem for problem in problems)
    assert str(saved.models / "model.json") in problems[0] or str(name["call"]) in problems[0]
    assert not (project / "marker").exists()


def test_code_that_came_with_a_model_is_refused(saved: Saved, project: Path) -> None:
    """A stranger's folder below the project holds a model, and code that its model.json names."""
    for module, models in (("downloads.nets", "downloads/models"), ("theirs.nets", "theirs")):
        make(project, **{module.replace(".", "__"): MARKER + "def Net(d_in, d_out): pass\n"})
        (project / models).mkdir(exist_ok=True)
        for name in ("model.json", "model.pth"):
            (project / models / name).write_bytes((saved.models / name).read_bytes())
        there = saved._replace(models=project / models)
        rewrite(there, lambda value, call=f"{module}:Net": value["model"].update(name={"call": call}))  # type: ignore[misc]
        (problem,) = refusal(there)
        path = f"{module.replace('.', '/')}.py"
        assert problem == (
            f"{project / models}/model.json: model.name: must be code of this project, got {path}, which came with the "
            "model; read it, and move it to src/ if you trust it"
        )
    assert not (project / "marker").exists()


def test_a_file_without_a_digest_in_model_json_is_not_imported(saved: Saved, project: Path) -> None:
    make(project, clean_up=MARKER + "def everything(d_in, d_out): pass\n")
    rewrite(saved, lambda value: value["model"].update(name={"call": "clean_up:everything"}))
    (problem,) = refusal(saved)
    assert problem.endswith("model.name: must hold the SHA-256 of clean_up.py, got none; run `dvc repro`")
    assert not (project / "marker").exists()


def test_a_reader_that_came_with_a_model_is_refused_before_it_is_needed(saved: Saved, project: Path) -> None:
    make(project, theirs__nets=MARKER + "def read(path): pass\n", clean_up=MARKER + "def everything(path): pass\n")
    for name in ("model.json", "model.pth"):
        (project / "theirs" / name).write_bytes((saved.models / name).read_bytes())
    reader = {"settings": {}, "ending": ".csv", "files": {}}
    there = saved._replace(models=project / "theirs")
    for call, problem in {
        "theirs.nets:read": "prepare.reader: must be code of this project, got theirs/nets.py, which came with",
        "clean_up:everything": "prepare.reader: must hold the SHA-256 of clean_up.py, got none; run `dvc repro`",
    }.items():
        rewrite(there, lambda value, call=call: value["features"].update(reader={**reader, "call": call}))  # type: ignore[misc]
        assert refusal(there)[0].startswith(f"{project}/theirs/model.json: {problem}")
    assert not (project / "marker").exists()


def test_paths_in_own_code_are_not_opened(
    saved: Saved, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    plain_open = open

    def watched(path: Any, *arguments: Any, **more: Any) -> Any:
        opened.append(str(path))
        return plain_open(path, *arguments, **more)

    monkeypatch.setattr("builtins.open", watched)
    rewrite(saved, lambda value: value["own_code"].update({"/dev/zero": "1", "../\x1b[2J": "2"}))
    load_model(saved.models)
    assert "/dev/zero" not in opened
    said = capsys.readouterr().err
    assert r"../\x1b[2J, /dev/zero changed after the training" in said
    assert not any(path.startswith("../") for path in opened)


def test_a_class_of_torch_needs_no_digest_and_is_made_as_any(saved: Saved) -> None:
    rewrite(saved, lambda value: value["model"].update(name={"call": "torch.nn:Linear"}))
    problems = refusal(saved)
    assert problems[0].startswith("model.name: torch.nn:Linear must take d_in")
    assert any("needs in_features" in problem for problem in problems)


def test_own_files_are_code_wherever_they_lie() -> None:
    digests = {"houses": "1", "houses/nets.py": "2", "src/houses/a.py": "3", "src/a.json": "4", "data/x.csv": "5"}
    data, code = split_data_and_code(digests)
    assert (data, code) == ({"data/x.csv": "5"}, {"houses/nets.py": "2", "src/a.json": "4", "src/houses/a.py": "3"})
    assert is_code("losses.py")
    assert not is_code("data/prepared/table.parquet")
