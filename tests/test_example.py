"""The tutorial in plain PyTorch, as a script and as a notebook: the pipeline's numbers, to the last digit."""

import ast
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from tests.repositories import Repository, clean_environment

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPT = (EXAMPLES / "tutorial.py").read_text(encoding="utf-8")
NOTEBOOK: dict[str, Any] = json.loads((EXAMPLES / "tutorial.ipynb").read_text(encoding="utf-8"))
CODE_CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
LINE = re.compile(r"^epoch (\d+): train loss (\S+), test loss (\S+)$", re.MULTILINE)
Losses = dict[int, tuple[float, float]]  # epoch → (train loss, test loss)
# What the script prints rounded, or does not print, is kept with all of its digits.
RUN_SCRIPT = """
import runpy, sys, torch
names = runpy.run_path(sys.argv[1], run_name="__main__")
torch.save(names["first_model"].state_dict(), "first.pth")
torch.save({name: names[name].flatten() for name in ("X_test", "y_test", "predictions")}, "test_points.pth")
"""
# One namespace for all cells, in their order, as a kernel runs them.
RUN_CELLS = """
import contextlib, io, json, sys
names, printed = {"__name__": "__main__"}, []
for source in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(source, "cell", "exec"), names)
    printed.append(output.getvalue())
json.dump(printed, sys.stdout)
"""


class Example(NamedTuple):
    """A finished run of the script: where it ran, and what it printed."""

    folder: Path
    printed: str

    @property
    def first_losses(self) -> Losses:
        return losses_in(self.printed.split("OrderedDict")[0])

    @property
    def losses(self) -> Losses:
        return losses_in(self.printed.split("OrderedDict")[1])

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        return torch.load(self.folder / name, weights_only=True)


def losses_in(printed: str) -> Losses:
    return {int(epoch): (float(train), float(test)) for epoch, train, test in LINE.findall(printed)}


def run_python(code: str, *arguments: object, folder: Path, given: str = "") -> str:
    """Run code in a new interpreter in which every warning is an error and no picture is shown; return its stdout."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=folder,
        env={**clean_environment(), "MPLBACKEND": "Agg"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("example")
    return Example(folder, run_python(RUN_SCRIPT, EXAMPLES / "tutorial.py", folder=folder))


def pipeline_losses(repository: Repository) -> Losses:
    with open(repository.root / "reports/train/curves.csv", encoding="utf-8") as file:
        return {int(r["epoch"]): (float(r["train_loss"]), float(r["validation_loss"])) for r in csv.DictReader(file)}


def pipeline_weights(repository: Repository) -> dict[str, torch.Tensor]:
    return torch.load(repository.root / "models/model.pth", weights_only=True)


def as_texts(weights: dict[str, torch.Tensor]) -> dict[str, str]:
    """Return each weight with all of its digits, and its shape."""
    return {name: f"{tuple(value.shape)} {value.dtype} {value.tolist()}" for name, value in weights.items()}


def test_the_layer_has_the_losses_and_the_weights_of_the_default_run(example: Example, finished: Repository) -> None:
    curves = pipeline_losses(finished)
    assert example.losses == {epoch: curves[epoch] for epoch in range(0, 1000, 100)}
    weights = pipeline_weights(finished)
    assert as_texts(example.tensors("tutorial.pth")) == as_texts(weights)
    assert f"{weights!r}\nTrue\n" in example.printed  # the loaded model predicts the same


def test_the_bare_parameters_have_the_losses_and_the_weights_of_their_recipe(
    example: Example, repository: Repository
) -> None:
    shutil.copy(repository.root / "recipes/line-parameters.yaml", repository.root / "params.yaml")
    assert repository.repro("train") == ["prepare", "split", "train"]
    curves = pipeline_losses(repository)
    assert example.first_losses == {epoch: curves[epoch] for epoch in range(0, 100, 10)}
    weights = pipeline_weights(repository)
    assert as_texts(example.tensors("first.pth")) == as_texts(weights)
    assert f"{weights!r}\nepoch 0" in example.printed


def test_the_test_points_and_their_predictions_are_those_of_the_default_run(
    example: Example, finished: Repository
) -> None:
    with open(finished.root / "reports/evaluate/line.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "test"]
    points = example.tensors("test_points.pth")
    for name, column in (("X_test", "x"), ("y_test", "y"), ("predictions", "after")):
        written = torch.tensor([float(row[column]) for row in rows])
        assert torch.equal(points[name], written), name


def test_it_is_short_and_imports_torch_and_matplotlib_only() -> None:
    assert len(SCRIPT.splitlines()) <= 80
    imports = [node for node in ast.walk(ast.parse(SCRIPT)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert modules == {"torch", "matplotlib.pyplot"}


def test_it_names_the_five_steps_in_their_order() -> None:
    assert re.findall(r"  # (\d\. \w+)$", SCRIPT, re.MULTILINE) == (
        ["1. forward", "2. loss", "3. zero_grad", "4. backward", "5. step"]
    )


def code_lines(source: str) -> list[str]:
    """Return the lines without the empty ones, and without headings: the notebook has them in its prose."""
    return [line for line in source.splitlines() if line and not line.startswith("#")]


def test_the_notebook_has_the_code_of_the_script() -> None:
    docstring = ast.get_docstring(ast.parse(SCRIPT))
    cells = "\n".join("".join(cell["source"]) for cell in CODE_CELLS)
    assert [f'"""{docstring}"""', *code_lines(cells)] == code_lines(SCRIPT)


def test_the_notebook_has_the_sections_of_the_script() -> None:
    prose = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "markdown"]
    headings = [line.removeprefix("## ") for text in prose for line in text.splitlines() if line.startswith("## ")]
    assert headings == [line[2:].split(":")[0] for line in SCRIPT.splitlines() if line.startswith("# ")]


def test_every_cell_of_the_notebook_prints_what_is_saved_below_it(example: Example, tmp_path: Path) -> None:
    sources = ["".join(cell["source"]) for cell in CODE_CELLS]
    printed = json.loads(run_python(RUN_CELLS, folder=tmp_path, given=json.dumps(sources)))
    saved = ["".join(line for output in cell["outputs"] for line in output["text"]) for cell in CODE_CELLS]
    assert printed == saved
    assert "".join(printed) == example.printed


def test_the_notebook_is_valid_nbformat_4_5() -> None:
    """Its schema, written out for what this notebook uses."""
    assert set(NOTEBOOK) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert NOTEBOOK["metadata"]["kernelspec"] == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
    common = {"cell_type", "id", "metadata", "source"}
    for cell in NOTEBOOK["cells"]:
        assert set(cell) == common | ({"execution_count", "outputs"} if cell["cell_type"] == "code" else set())
        assert all(isinstance(line, str) and line.endswith("\n") for line in cell["source"][:-1])


def test_the_notebook_holds_nothing_of_the_machine_that_ran_it() -> None:
    assert [cell["execution_count"] for cell in CODE_CELLS] == list(range(1, len(CODE_CELLS) + 1))
    assert all(cell["metadata"] == {} for cell in NOTEBOOK["cells"])
    outputs = [output for cell in CODE_CELLS for output in cell["outputs"]]
    assert {(output["output_type"], output["name"]) for output in outputs} == {("stream", "stdout")}
    assert NOTEBOOK["metadata"]["language_info"] == {"name": "python"}  # an editor would add its version
