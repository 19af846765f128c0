"""The definition of a name, found by reading: ours, imported from elsewhere, missing, or not to be told."""

import ast
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.own_code.definitions import find_definition, parameter_names
from tests.own_code.test_closure import package
from tests.own_projects import make


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("class Net:\n    pass", "ours"),
        ("def Net():\n    pass", "ours"),
        ("Net = make()", "ours"),
        ("Net: type = make()", "ours"),
        ("a, (Net, b) = make()", "ours"),
        ("if True:\n    class Net:\n        pass", "ours"),
        ("try:\n    from fast import Other\nexcept ImportError:\n    def Net():\n        pass", "ours"),
        ("with x as Net:\n    pass", "ours"),
        ("for Net in x:\n    pass", "ours"),
        ("from other import Inner as Net", "ours"),
        ("from other import *", "missing"),
        ("from houses.more import *", "ours"),
        ("from torch.nn import Linear as Net", "foreign"),
        ("from subprocess import run as Net", "foreign"),
        ("import os as Net", "foreign"),
        ("import Net.path", "foreign"),
        ("from relight.model.networks.mlp import Mlp as Net", "foreign"),
        ("from torch.nn import *", "unknown"),
        ("globals()['Net'] = 1", "unknown"),
        ("def __getattr__(name):\n    return 1", "unknown"),
        ("def f():\n    global Net\n    Net = 1", "unknown"),
        ("", "missing"),
        ("class Nets:\n    Net = 1", "missing"),
        ("def f():\n    Net = 1", "missing"),
        ("x = 'Net'", "missing"),
        ("from own import Net", "unknown"),  # of itself
        ("import houses.more\nhouses.more.Net", "missing"),
    ],
)
def test_each_way_to_define_a_name(text: str, kind: str, tmp_path: Path) -> None:
    make(tmp_path, own=text, other="class Inner:\n    pass\n", houses__more="class Net:\n    pass\n")
    assert find_definition("own", "Net", tmp_path).kind == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import os\nfrom .nets import Net\n",
            "houses/__init__.py:2: must import Net from a Python file of this project",
        ),
        ("from houses.nets import Network as Net\n", "houses/__init__.py:1: must import Network from a Python file of"),
    ],
)
def test_an_import_of_a_file_that_is_not_there_is_named(text: str, said: str, tmp_path: Path) -> None:
    package(tmp_path, "houses", text)
    with pytest.raises(InputError) as caught:
        find_definition("houses", "Net", tmp_path)
    assert caught.value.problems[0].startswith(said)


def test_a_package_gives_the_names_that_it_imports_from_its_modules(tmp_path: Path) -> None:
    make(tmp_path, houses__nets="class Net:\n    def __init__(self, d_in, *, d_block=1):\n        pass\n")
    package(tmp_path, "houses", "from .nets import Net\nfrom . import nets\n")
    found = find_definition("houses", "Net", tmp_path)
    assert (found.kind, found.path) == ("ours", tmp_path / "houses/nets.py")
    assert parameter_names(found.node) == {"d_in", "d_block"}
    assert find_definition("houses", "nets", tmp_path).kind == "unknown"  # the module
    assert find_definition("houses", "Nets", tmp_path).names == ("Net", "nets")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(a, b=1, *c, d, e=2): pass", {"a", "b", "d", "e"}),
        ("def f(a, /, b): pass", {"b"}),
        ("def f(a, **more): pass", None),
        ("@cache\ndef f(a): pass", None),
        ("async def f(a): pass", None),
        ("class A:\n    def __init__(self, a, *, b=1): pass", {"a", "b"}),
        ("class A(nn.Module):\n    def __init__(this, a): pass", {"a"}),
        ("class A(nn.Module):\n    def forward(self, x): pass", None),
        ("class A(Base):\n    def __init__(self, **all): pass", None),
        ("@dataclass\nclass A:\n    a: int\n    def __init__(self, b): pass", None),
        ("class A(metaclass=Meta):\n    def __init__(self, a): pass", None),
        ("class A:\n    def __new__(cls, a): pass\n    def __init__(self, b): pass", None),
        ("A = partial(B, a=1)", None),
    ],
)
def test_the_arguments_that_can_be_read_for_sure(text: str, names: set[str] | None) -> None:
    assert parameter_names(ast.parse(text).body[0]) == names
