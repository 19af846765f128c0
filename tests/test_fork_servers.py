"""A forked command is as a new interpreter: its folder, environment, files and end; another environment takes one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.parser import ParserError

from tests import fork_server
from tests.repositories import Repository, quick_environment

IS_FORKED = "import sys; print('polars' in sys.modules)"


@pytest.fixture
def here(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_it_has_its_own_folder_arguments_and_environment(here: Repository) -> None:
    asked = "import os, sys; print(os.getcwd(), sys.argv, sys.prefix, os.environ['DVC_X'], sys.path[:2], __name__)"
    said = here.run("python", "-c", asked, "a", "b c", env={"DVC_X": "1", "PYTHONPATH": "src"}).stdout
    assert said == f"{here.root} {['-c', 'a', 'b c']} {sys.prefix} 1 {['', str(here.root / 'src')]} __main__\n"
    assert here.run("python", "-c", IS_FORKED).stdout == "True\n"


def test_relight_comes_from_the_folder_that_pythonpath_names(here: Repository) -> None:
    (here.root / "src/relight").mkdir(parents=True)
    (here.root / "src/relight/__init__.py").write_text("")
    said = here.run("python", "-c", "import relight; print(relight.__file__)", env={"PYTHONPATH": "src"}).stdout
    assert said == f"{here.root}/src/relight/__init__.py\n"


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "TZ", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"])
def test_another_environment_takes_a_new_interpreter(here: Repository, variable: str) -> None:
    assert here.run("python", "-c", IS_FORKED, env={variable: "1"}).stdout == "False\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("1 / 0", 1),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
    ],
)
def test_its_end_is_that_of_the_command(here: Repository, code: str, status: int) -> None:
    done = here.run("python", "-c", code)
    assert done.returncode == status
    assert ("ZeroDivisionError: division by zero" in done.stderr) == (code == "1 / 0")


def start(code: str) -> "subprocess.Popen[str]":
    command = ["python", "-c", code]
    return subprocess.Popen(
        command,
        env=quick_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_its_standard_files_are_those_of_the_command() -> None:
    process = start("import sys; sys.stderr.write(sys.stdin.read().upper()); print('ä')")
    assert process.communicate("abc") == ("ä\n", "ABC")


STARTS_ONE = "import os, subprocess, sys; print(os.getpid(), flush=True); subprocess.run(['python', '-c', sys.argv[1]])"


def test_its_parent_is_that_of_the_command(here: Repository) -> None:
    parent, found = here.run("python", "-c", STARTS_ONE, "import os; print(os.getppid())").stdout.split()
    assert found == parent


def test_its_parent_is_another_one_once_that_is_killed(here: Repository) -> None:
    waits = "import os, time; parent = os.getppid(); os.kill(parent, 9)\nwhile os.getppid() == parent: time.sleep(0.01)"
    done = here.run(sys.executable, "-c", STARTS_ONE, f"{waits}\nprint('orphan')")
    assert (done.returncode, done.stdout.split()[1:]) == (-signal.SIGKILL, ["orphan"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_when_the_command_is_told_to(number: signal.Signals) -> None:
    """The pipe is closed once no process holds it any more."""
    process = start("import time; print('started', flush=True); time.sleep(600)")
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    process.send_signal(number)
    assert process.wait(60) == -number
    assert process.communicate(timeout=60) == ("", "")


def test_yaml_that_dvc_reads_again_has_the_same_values_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YAML, "load", YAML.load)  # to have it back
    fork_server.parse_once()
    text = "a: [1, {b: 1e-3}]  # a remark\nc: no\n"
    first, second = (YAML(typ="safe").load(text) for _ in range(2))
    assert first == second == {"a": [1, {"b": 0.001}], "c": "no"}
    first["a"][1]["b"] = 2
    assert YAML(typ="safe").load(text) == second
    assert YAML(typ="safe").load(text + "d: 1\n") == {**second, "d": 1}
    assert YAML(typ="rt").load(text).ca.items  # the remark, for a file that is written again
    for _ in range(2):
        with pytest.raises(ParserError):
            YAML(typ="safe").load("a: [")
