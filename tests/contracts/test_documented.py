"""The commands and the tests of docs/own-code.md, run as they stand there on the example."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from relight.cli import main
from tests.closure import REPOSITORY
from tests.own_projects import copy_houses, enter

PAGE = (REPOSITORY / "docs/own-code.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^relight test .*$", PAGE, re.MULTILINE)
(TESTS,) = re.findall(r"^```python\n(from relight\.testing.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NAMES = re.findall(r"def (test_\w+)", TESTS)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"area": 50 + number, "price": 100.5 + number} for number in range(9)]
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/houses.json").write_text(json.dumps({"houses": rows}), encoding="utf-8")
    copy_houses(tmp_path)
    sys.path.append(str(tmp_path))
    return enter(tmp_path, monkeypatch)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_that_the_example_keeps_its_contract(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(command)[1:]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 4
    assert all(line.startswith("holds    ") for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_each_test_of_the_page_passes(name: str) -> None:
    scope: dict[str, object] = {}
    exec(TESTS, scope)
    scope[name]()  # type: ignore[operator]


def test_the_page_has_one_for_each_kind_that_is_new_to_it() -> None:
    assert {"test_network", "test_optimizer", "test_reader"} <= set(NAMES)
    assert len(COMMANDS) == 4
