"""The files that an import runs: those that reading finds are those that Python imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.closure import closure, file_digests, own_files, parse
from tests.own_projects import make


def package(root: Path, folder: str, text: str = "") -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / "__init__.py").write_text(text, encoding="utf-8")


def found(root: Path, module: str = "start") -> list[str]:
    return [path.relative_to(root).as_posix() for path in closure(module, root)]


@pytest.mark.parametrize(
    "line",
    [
        "import houses.nets",
        "import houses.nets as nets",
        "from houses import nets",
        "from houses import nets as n",
        "from houses.nets import x",
        "from houses.nets import *",
        "def f():\n    import houses.nets",
        "class A:\n    from houses.nets import x",
        "try:\n    import houses.nets\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('houses.nets')",
        "from importlib import import_module\nimport_module('houses.nets')",
        "__import__('houses.nets')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import houses.nets",
        "x = 1 if 0 else __import__('houses.nets')",
    ],
)
@pytest.mark.parametrize("below", ["", "src"])
def test_each_form_of_an_import_is_found(line: str, below: str, tmp_path: Path) -> None:
    make(tmp_path, start=line)
    make(tmp_path / below, houses__nets="x = 1", houses__other="x = 1")
    assert found(tmp_path) == sorted(["start.py", f"{below}/houses/nets.py".lstrip("/")])


@pytest.mark.parametrize(
    "line",
    [
        "from . import blocks",
        "from .blocks import x",
        "from .blocks import *",
        "from .. import outer\nfrom ..deep import blocks",
        "from ..deep.blocks import x",
        "import importlib\nimportlib.import_module('.blocks', __package__)",
        "import houses.deep.blocks",
    ],
)
@pytest.mark.parametrize("with_init", [True, False])
def test_relative_imports_are_found_in_packages_and_in_plain_folders(
    line: str, with_init: bool, tmp_path: Path
) -> None:
    make(tmp_path, houses__deep__nets=line, houses__deep__blocks="x = 1", houses__outer="y = 1")
    if with_init:
        package(tmp_path, "houses")
        package(tmp_path, "houses/deep")
    expected = ["houses/deep/blocks.py", "houses/deep/nets.py"]
    assert found(tmp_path, "houses.deep.nets") == expected + (["houses/outer.py"] if "outer" in line else [])


def test_init_files_count_if_they_hold_something_and_so_do_their_imports(tmp_path: Path) -> None:
    make(tmp_path, houses__deep__nets="x = 1", houses__setup="y = 1")
    package(tmp_path, "houses", "from .setup import y\n")
    package(tmp_path, "houses/deep")
    assert found(tmp_path, "houses.deep.nets") == ["houses/__init__.py", "houses/deep/nets.py", "houses/setup.py"]


def test_the_modules_that_a_package_exports_are_those_of_its_star(tmp_path: Path) -> None:
    make(tmp_path, start="from houses import *", houses__nets="x = 1", houses__other="y = 1")
    package(tmp_path, "houses", "__all__ = ['nets']\n")
    assert found(tmp_path) == ["houses/__init__.py", "houses/nets.py", "start.py"]


def test_what_only_a_type_checker_reads_is_no_dependency(tmp_path: Path) -> None:
    checked = "import typing\nif typing.TYPE_CHECKING:\n    import other\nfrom typing import TYPE_CHECKING\n"
    make(tmp_path, start=checked + "if TYPE_CHECKING:\n    from other import x\n", other="x = 1")
    assert found(tmp_path) == ["start.py"]


def test_cycles_end_and_names_in_texts_do_not_count(tmp_path: Path) -> None:
    make(tmp_path, start="import one", one="import two", two="import one, start\nx = 'import three'", three="")
    assert found(tmp_path) == ["one.py", "start.py", "two.py"]


def test_more_dots_than_packages_and_computed_names_are_left_to_python(tmp_path: Path) -> None:
    make(
        tmp_path, a__b__start="from ..... import nets\nfrom .... import a\n__import__('ne' + 'ts')", nets="", a__nets=""
    )
    assert found(tmp_path, "a.b.start") == ["a/b/start.py"]


def test_relight_and_installed_modules_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, start="import relight.cli, numpy, os\nfrom relight.errors import InputError", relight__cli="")
    assert found(tmp_path) == ["start.py"]


def test_an_import_that_could_mean_an_installed_module_is_refused(tmp_path: Path) -> None:
    make(tmp_path, start="import yaml", yaml="x = 1")
    with pytest.raises(InputError, match=r"^yaml: must be a module of this project only, got another one in "):
        closure("start", tmp_path)
    make(tmp_path, start="def f():\n    import random", random="x = 1")
    with pytest.raises(InputError, match=r"^random: .* got another one in Python's standard library; rename yours"):
        closure("start", tmp_path)


CODE = {
    "start": "from houses import nets\nimport helpers as h\nfrom pkg.inner.deep import *\n",
    "houses__nets": "from . import blocks\nfrom .more.parts import part\n",
    "houses__blocks": "def f():\n    from houses import unused\n",
    "houses__unused": "x = 1\n",
    "houses__more__parts": "part = 1\nimport importlib\nimportlib.import_module('pkg.other')\n",
    "pkg__other": "x = 1\n",
    "pkg__inner__deep": "from .. import other\n",
    "src__helpers": "import houses.blocks as b\n",
}


def test_it_holds_all_that_python_imports(tmp_path: Path) -> None:
    """An independent computation: a new interpreter imports the module, and lists the files of its modules."""
    make(tmp_path, **CODE)
    package(tmp_path, "pkg", "version = 1\n")
    listed = (
        "import sys, start; "
        "print(*sorted({m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)}), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", listed], cwd=tmp_path, env={"PYTHONPATH": ".:src"}, capture_output=True, text=True
    )
    run = {line for line in done.stdout.splitlines() if line.startswith(str(tmp_path)) and Path(line).stat().st_size}
    assert len(run) == 8, done.stderr
    read = {str(path) for path in closure("start", tmp_path)}
    assert read == {*run, str(tmp_path / "houses/unused.py")}  # imported by a call that did not happen


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = 1\ndef f(:\n", r"^nets.py:2: is not valid Python: "),
        (b"x = 1\n  y = 2\n", r"^nets.py:2: is not valid Python: unexpected indent"),
        (b"x = '\0'\n", r"^nets.py: is not valid Python: .*null bytes"),
        (b"x = 'caf\xe9'\n", r"^nets.py(:1)?: is not valid Python: "),
        (b"# -*- coding: klingon -*-\n", r"^nets.py(:\d)?: is not valid Python: .*klingon"),
        ("x = 1".encode("utf-16"), r"^nets.py(:1)?: is not valid Python: "),
        (b"x = " + b"(" * 500 + b")" * 500, r"^nets.py(:1)?: "),
        (b"x = " + b"-" * 100_000 + b"1", r"^nets.py(:1)?: "),
    ],
)
def test_what_is_no_python_is_said_with_its_line(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_bytes(content)
    with pytest.raises(InputError, match=said):
        closure("nets", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfimport other\n",  # a BOM
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\nimport other\n",
        b"x = 1\r\nimport other\r\n",
        b"x = '\\d'\nimport other",  # a warning of Python
        b"\x0cimport other\n",
    ],
)
def test_what_python_reads_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_bytes(content)
    make(tmp_path, other="")
    assert found(tmp_path, "nets") == ["nets.py", "other.py"]


def test_the_files_of_a_call_have_the_digests_of_their_bytes(tmp_path: Path) -> None:
    make(tmp_path, houses__nets="import blocks", src__blocks="")
    files = own_files(Call(call="houses.nets:Net"), tmp_path)
    assert file_digests(files, tmp_path) == {
        "houses/nets.py": "a5fe27cab4aab7fc0d5597c8ea08e090df9cc971e0d3991c02cbab5dac779668",
        "src/blocks.py": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # of no bytes
    }
    assert own_files(Call(call="torch.nn:Linear"), tmp_path) == []


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    make(tmp_path, nets="")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"^nets.py: cannot be read: Permission denied"):
        parse(tmp_path / "nets.py", tmp_path)
