"""Own code is imported from the project only; what is wrong in it is said with its file and line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from relight.errors import RelightError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, call_with, load
from tests.own_projects import make

KEY = "train.loss"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project in the current folder, whose modules are forgotten afterwards."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield root
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or str(tmp_path) in file:
            del sys.modules[name]


def said(name: str, module: str = "own_code_here") -> str:
    with pytest.raises(RelightError) as error:
        load(Call(call=f"{module}:{name}"), KEY)
    (problem,) = error.value.problems
    return problem


def test_a_function_of_the_project_or_its_src_is_loaded_with_what_it_imports(project: Path) -> None:
    make(project, src__houses_a__losses="from . import parts\ndef loss():\n    return parts.one + 1\n")
    make(
        project, src__houses_a__parts="one = 1\n", top_losses="from houses_a.losses import loss as other\nx = other()\n"
    )
    assert load(Call(call="houses_a.losses:loss"), KEY)() == 2
    make(project, top_losses="from houses_a.losses import loss as other\ndef twice():\n    return 2 * other()\n")
    assert load(Call(call="top_losses:twice"), KEY)() == 4
    assert load(Call(call="top_losses:other"), KEY)() == 2


def test_a_class_of_torch_is_loaded_and_nothing_else_of_it() -> None:
    assert load(Call(call="torch.nn:Linear"), KEY) is torch.nn.Linear
    assert load(Call(call="torch.optim:RMSprop"), KEY) is torch.optim.RMSprop
    assert said("functional", "torch.nn") == f"{KEY}: must be a class of torch.nn, got torch.nn:functional"
    assert said("Nothing", "torch.optim") == f"{KEY}: must be a class of torch.optim, got torch.optim:Nothing"
    assert said("save", "torch").startswith(f"{KEY}: torch: must be a module of this project, got no file torch.py")
    assert said("load", "torch.hub").startswith(f"{KEY}: torch.hub: must be a module of this project, got no file")


MARKER = "open('marker', 'w').close()\n"
STRANGE = {
    "subprocess:run": "subprocess: must be a module of this project, got one of Python's standard library",
    "os:system": "os: must be a module of this project, got one of Python's standard library",
    "builtins:exec": "builtins: must be a module of this project, got one of Python's standard library",
    "numpy:save": "numpy: must be a module of this project, got no file",
    "pip:main": "pip: must be a module of this project, got no file",
    "relight.cli:main": "relight.cli: must be a module of yours, got one of Relight's",
    "json:loads": "json: must be a module of this project, got one of Python's standard library",
    "yaml.evil:f": "yaml: must be a module of this project only, got another one in ",
    "models.evil:f": "models/evil.py: must not lie in models/",
    "data.raw.evil:f": "data/raw/evil.py: must not lie in data/",
    "outside:f": "outside.py: must lie in the project's folder, got a link to ",
    "reached:run": "reached:run: must be defined in this project, got an import",
}


@pytest.mark.parametrize("call", STRANGE)
def test_what_is_not_the_projects_is_refused_by_name_and_does_not_run(call: str, project: Path) -> None:
    make(project.parent, elsewhere=MARKER + "def f(): pass\n")
    make(project, json=MARKER, yaml__evil=MARKER, models__evil=MARKER, data__raw__evil=MARKER)
    make(project, reached=MARKER + "from subprocess import run\n")
    (project / "outside.py").symlink_to(project.parent / "elsewhere.py")
    module, name = call.split(":")
    assert said(name, module).startswith(f"{KEY}: {STRANGE[call]}")
    assert not (project / "marker").exists()


def test_what_a_module_takes_from_elsewhere_by_a_star_is_refused(project: Path) -> None:
    make(project, starred="from os import *\nfrom os.path import *\n")
    assert said("system", "starred") == f"{KEY}: starred:system must be defined in this project, got posix.system"
    assert said("join", "starred") == f"{KEY}: starred:join must be defined in this project, got posixpath.join"


def test_a_module_that_another_project_has_loaded_is_not_taken(project: Path) -> None:
    other = project.parent / "other"
    make(other, same_name="def f():\n    return 1\n")
    make(project, same_name="def f():\n    return 2\n")
    assert load(Call(call="same_name:f"), KEY, other)() == 1
    assert said("f", "same_name").startswith(f"{KEY}: same_name must be a module of this project only, got another one")


def test_a_made_module_is_not_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(project, made="def f():\n    pass\n")
    made = type(sys)("made")
    made.__spec__ = None
    monkeypatch.setitem(sys.modules, "made", made)
    assert (
        said("f", "made") == f"{KEY}: made must be made.py, got another module of that name from memory; rename yours"
    )


def test_another_copy_that_a_path_file_names_does_not_come_first(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install of the main workspace: its folder follows those of pip."""
    make(project.parent / "workspace/src", copied="def f():\n    return 'workspace'\n")
    make(project / "src", copied="def f():\n    return 'here'\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(project.parent / "workspace/src")])
    assert load(Call(call="copied:f"), KEY)() == "here"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def f(:\n", "own_code_here.py:1: is not valid Python: invalid syntax"),
        ("x = 1\n\n1 / 0\n", "own_code_here.py:3: ZeroDivisionError: division by zero"),
        ("import not_there\n", "own_code_here.py:1: ModuleNotFoundError: No module named 'not_there'"),
        ("import sys\nsys.exit(3)\n", "own_code_here.py:2: SystemExit: 3"),
        ("def fs(): pass\n", "own_code_here.py must have f, got none; did you mean fs?"),
        ("f = 5\n", "own_code_here:f must be a function or a class, got int 5 in own_code_here.py"),
        ("def __getattr__(n):\n    raise KeyError(n)\n", "own_code_here.py:2: in __getattr__: KeyError: 'f'"),
        ("import helper_here\ndef f(): pass\n", "helper_here.py:2: is not valid Python: "),
    ],
)
def test_what_is_wrong_in_it_is_said_with_its_line(text: str, problem: str, project: Path) -> None:
    make(project, own_code_here=text, helper_here="x = 1\nif:\n")
    assert said("f").startswith(f"{KEY}: {problem}")


CODE = """\
def plain(a, b, *, c=1):
    return (a, b, c)


class Made:
    def __init__(self, share=2):
        self.share = share

    def __call__(self, a, b):
        return (a, b, self.share)


def fails(a, b):
    return a / b


def positional(a, b, /): return a + b


def anything(*args, **more): return (args, more)
"""


@pytest.mark.parametrize(
    ("name", "settings", "result"),
    [
        ("plain", {"c": 3}, (1, 2, 3)),
        ("plain", {}, (1, 2, 1)),
        ("Made", {"share": 5}, (1, 2, 5)),
        ("Made", {}, (1, 2, 2)),
        ("positional", {}, 3),
        ("anything", {"d": 4}, ((1, 2), {"d": 4})),
    ],
)
def test_a_function_or_a_class_becomes_a_function(
    name: str, settings: dict[str, int], result: object, project: Path
) -> None:
    make(project, functions=CODE)
    call = Call(call=f"functions:{name}", **settings)
    assert as_function(load(call, KEY), call, KEY, "first", "second")(1, 2) == result


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("plain", {"d": 3}, f"{KEY}.d: is unknown to functions:plain (functions.py:1); known are c"),
        ("plain", {"a": 3}, f"{KEY}.a: is unknown to functions:plain (functions.py:1); known are c"),
        ("Made", {"shares": 3}, f"{KEY}.shares: is unknown to functions:Made (functions.py:5); did you mean share?"),
    ],
)
def test_settings_that_it_does_not_take_are_named(
    name: str, settings: dict[str, int], problem: str, project: Path
) -> None:
    make(project, functions=CODE)
    call = Call(call=f"functions:{name}", **settings)
    with pytest.raises(RelightError) as error:
        as_function(load(call, KEY), call, KEY, "first", "second")
    assert error.value.problems == (problem,)


def test_too_few_places_are_said(project: Path) -> None:
    make(project, functions=CODE)
    call = Call(call="functions:plain")
    with pytest.raises(RelightError) as error:
        as_function(load(call, KEY), call, KEY, "x", "y", "z")
    assert "functions:plain (functions.py:1) must take (x, y, z), got 2 of 3 arguments" in str(error.value)


def test_all_that_is_wrong_with_the_arguments_is_said_at_once(project: Path) -> None:
    make(project, functions="def f(needed, *, other):\n    pass\n")
    call = Call(call="functions:f", othr=1, given=2)
    with pytest.raises(RelightError) as error:
        call_with(load(call, KEY), call, KEY, given=3)
    assert error.value.problems == (
        f"{KEY}: functions:f (functions.py:1) must take given",
        f"{KEY}.given: is given by Relight; leave it out",
        f"{KEY}.othr: is unknown to functions:f (functions.py:1); did you mean other?",
        f"{KEY}: functions:f (functions.py:1) needs needed; write it next to `call`",
        f"{KEY}: functions:f (functions.py:1) needs other; write it next to `call`",
    )


def test_an_exception_of_it_has_its_line(project: Path) -> None:
    make(project, functions=CODE)
    call = Call(call="functions:fails")
    with pytest.raises(RelightError) as error:
        call_with(load(call, KEY), call, KEY, a=1, b=0)
    assert str(error.value) == f"{KEY}: functions.py:14: in fails: ZeroDivisionError: division by zero"
