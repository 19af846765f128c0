"""The house can be read: few modules, none too long, no folder too full, every function on one screen."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.closure import REPOSITORY

MODULES = [path for folder in ("src", "stages") for path in (REPOSITORY / folder).rglob("*.py") if path.stat().st_size]
FOLDERS = {path.parent.relative_to(REPOSITORY).as_posix() for path in MODULES}
STAGES = ("prepare", "split", "train", "evaluate", "plot")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The name of each function and its lines of code, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            n_lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node):
                assert node.body[0].end_lineno is not None
                n_lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            yield f"{path.relative_to(REPOSITORY)}: {node.name}", n_lines


def test_at_most_350_modules() -> None:
    assert len(MODULES) <= 350


def test_no_module_is_longer_than_300_lines() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lines.items() if n > 300} == {}


def test_no_folder_has_more_than_20_files() -> None:
    counts = Counter(path.parent.relative_to(REPOSITORY).as_posix() for path in MODULES)
    assert {folder: n for folder, n in counts.items() if n > 20} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    assert [(name, n) for path in MODULES for name, n in functions(path) if n > 40] == []


@pytest.mark.parametrize("folder", [*STAGES, "model"])
def test_each_section_of_params_has_a_folder_with_its_params(folder: str) -> None:
    assert (REPOSITORY / f"src/relight/{folder}/params.py").is_file()


def test_the_tests_lie_as_the_code_does() -> None:
    """Each folder of tests has the name of a folder of code."""
    folders = {
        path.parent.relative_to(REPOSITORY / "tests").as_posix() for path in (REPOSITORY / "tests").rglob("*.py")
    }
    assert {f"src/relight/{folder}" for folder in folders - {"."}} <= FOLDERS
