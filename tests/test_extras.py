"""The packages of the first install, and the message of a command whose extra is missing."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.extras import PACKAGES, require_extra
from tests.closure import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEVER_IMPORTED = {"onnxscript", "fastexcel"}  # torch.onnx and Polars ask for them
# Distributions that another one cannot do without, and a module that two share.
NAMED_BY = {
    "dvc_data": "dvc",
    "dvc_objects": "dvc",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "ruamel": "ruamel.yaml",
}
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({names!r}))  # None: the import fails as if the package were not there
"""
START = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"
SENTENCES = {
    "export": "error: relight export needs onnx, onnxruntime and onnxscript; pip install 'relight[export]'\n",
    "sweep": "error: relight sweep needs optuna; pip install 'relight[sweep]'\n",
}


def names_of(requirements: list[str]) -> set[str]:
    """Return the names of the distributions in small letters, without versions and extras."""
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


FIRST_INSTALL = names_of(PROJECT["dependencies"])


def imported(path: Path) -> Iterator[str]:
    """Yield the first part of each module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).split(".")[0]


def distributions_of(files: list[Path]) -> set[str]:
    """Return the names of the distributions that files import, in small letters."""
    known = packages_distributions()
    modules = {name for path in files for name in imported(path)} - sys.stdlib_module_names - {"relight", "stages"}
    return {NAMED_BY.get(name) or known[name][0].lower() for name in modules}


def files_below(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def run_without(names: list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter that lacks some packages."""
    (folder / "sitecustomize.py").write_text(WITHOUT.format(names=names), encoding="utf-8")
    paths = os.pathsep.join((str(folder), str(REPOSITORY / "src")))
    return subprocess.run(
        [sys.executable, "-c", START, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", PACKAGES)
def test_the_folder_of_such_a_command_imports_nothing_that_neither_install_holds(command: str) -> None:
    lacking = distributions_of(files_below(f"src/relight/{command}")) - FIRST_INSTALL
    assert lacking == names_of(EXTRAS[command]) - NEVER_IMPORTED


def test_everything_else_imports_what_the_first_install_holds_and_all_of_it() -> None:
    own = files_below(*(f"src/relight/{command}" for command in PACKAGES))
    others = [path for path in files_below("src", "stages") if path not in own]
    assert distributions_of(others) == FIRST_INSTALL - NEVER_IMPORTED


def test_the_packages_of_an_extra_are_those_that_its_command_asks_for() -> None:
    assert {extra: names_of(EXTRAS[extra]) for extra in PACKAGES} == {
        extra: set(names) for extra, names in PACKAGES.items()
    }


def test_all_are_all_that_people_use_and_the_tests_have_them() -> None:
    assert EXTRAS["all"] == [f"relight[{','.join(sorted(set(EXTRAS) - {'all', 'test', 'benchmark'}))}]"]
    assert "relight[all]" in EXTRAS["test"]


@pytest.mark.parametrize("missing", [["onnx", "onnxruntime", "onnxscript"], ["onnxscript"]])
def test_an_export_without_its_packages_says_so_before_any_work(missing: list[str], tmp_path: Path) -> None:
    done = run_without(missing, tmp_path, "export", "--format", "onnx")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", SENTENCES["export"])
    assert {path.name for path in tmp_path.iterdir()} <= {"sitecustomize.py", "__pycache__"}


def test_a_sweep_without_its_package_says_so_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text("name: [", encoding="utf-8")  # it is not even read
    done = run_without(["optuna"], tmp_path, "sweep")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", SENTENCES["sweep"])


def test_the_other_commands_do_without_the_extras(tmp_path: Path) -> None:
    done = run_without([name for names in PACKAGES.values() for name in names], tmp_path, "reference")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (REPOSITORY / "docs/reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("extra", PACKAGES)
def test_an_extra_that_is_there_is_not_asked_for(extra: str) -> None:
    require_extra(extra)


def test_an_empty_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removed package may leave its folder."""
    (tmp_path / "left_behind").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(PACKAGES, "sweep", ("left_behind",))
    with pytest.raises(InputError, match="relight sweep needs left_behind; pip install 'relight\\[sweep\\]'"):
        require_extra("sweep")


def test_an_import_hook_that_refuses_a_package_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusal:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "refused":
                raise ModuleNotFoundError(name)

    monkeypatch.setattr(sys, "meta_path", [Refusal(), *sys.meta_path])
    monkeypatch.setitem(PACKAGES, "sweep", ("optuna", "refused"))
    with pytest.raises(InputError, match="needs optuna and refused; "):
        require_extra("sweep")
