"""An exception of the user's own code is said with its file and line; one of Relight's is not taken for theirs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relight.errors import InputError, RunError
from relight.runtime.tracebacks import blame_own_code, own_error, own_line_in, short_path


def run(path: Path, text: str, name: str = "own", **given: Any) -> dict[str, Any]:
    """Run a text as the code of a file, as an import does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    space: dict[str, Any] = {"__name__": name, **given}
    exec(compile(text, str(path), "exec"), space)
    return space


def raised(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError


FAILS = "def outer():\n    return inner()\n\n\ndef inner():\n    raise ValueError('first line\\nsecond line')\n"


def test_the_innermost_line_of_their_code_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = raised(run(tmp_path / "own.py", FAILS)["outer"])
    assert str(own_error(error, tmp_path)) == "own.py:6: in inner: ValueError: first line"
    assert str(own_error(error, tmp_path, "train.loss")) == "train.loss: own.py:6: in inner: ValueError: first line"


def test_a_library_below_their_code_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = raised(run(tmp_path / "own.py", "import json\n\ndef f():\n    json.loads('{')\n")["f"])
    assert str(own_error(error, tmp_path)).startswith("own.py:4: in f: JSONDecodeError: Expecting property name")


def test_an_error_of_relight_below_their_code_is_not_theirs(tmp_path: Path) -> None:
    inner = run(tmp_path / "relight/x.py", "def fails():\n    1 / 0\n", "relight.x")["fails"]
    error = raised(run(tmp_path / "own.py", "def f():\n    fails()\n", fails=inner)["f"])
    assert own_error(error, tmp_path) is None


def test_code_elsewhere_and_installed_code_are_not_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = raised(run(tmp_path / "env/lib/own.py", FAILS)["outer"])
    assert own_error(error, tmp_path / "other") is None
    assert own_error(error, tmp_path) is not None
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    assert own_error(error, tmp_path) is None


def test_a_file_that_is_no_python_is_said_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = raised(lambda: run(tmp_path / "own.py", "x = 1\nif:\n"))
    assert str(own_error(error, tmp_path, "model.name")) == "model.name: own.py:2: is not valid Python: invalid syntax"


@pytest.mark.parametrize(
    ("code", "text"), [("import sys\nsys.exit(3)", "SystemExit: 3"), ("exit()", "SystemExit: None")]
)
def test_their_code_cannot_end_the_process(
    code: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = len(code.splitlines())
    with pytest.raises(RunError, match=f"^k: own.py:{lines}: {text}"), blame_own_code(tmp_path, "k"):
        run(tmp_path / "own.py", code)


def test_stopping_and_errors_of_relight_pass_through(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), blame_own_code(tmp_path, "k"):
        run(tmp_path / "own.py", "raise KeyboardInterrupt")
    with pytest.raises(InputError, match=r"^mine$"), blame_own_code(tmp_path, "k"):
        raise InputError("mine")
    with pytest.raises(ZeroDivisionError), blame_own_code(tmp_path / "project", "k"):
        _ = 1 / 0
    with pytest.raises(SystemExit), blame_own_code(tmp_path / "project", "k"):
        sys.exit(3)


def test_a_path_below_the_current_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert short_path(str(tmp_path / "inner/own.py")) == "own.py"
    assert short_path(str(tmp_path / "own.py")) == str(tmp_path / "own.py")


def test_the_last_own_line_in_a_text_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.export tells where it stopped in a text."""
    monkeypatch.chdir(tmp_path)
    for name in ("own.py", "other.py", "relight/x.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    places = [(f"{tmp_path}/other.py", 3), (f"{tmp_path}/own.py", 5), (f"{tmp_path}/relight/x.py", 6), ("/gone.py", 7)]
    text = "Could not guard\n" + "".join(f'  File "{path}", line {line}, in forward\n' for path, line in places)
    assert own_line_in(text, tmp_path) == "own.py:5"
    assert own_line_in(text, tmp_path / "relight") is None
