"""The file of a module: found below the project or its src/, refused if there is a doubt."""

import os
import sys
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.own_code.project import find_module, locate, relative


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x = 1\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("nets", "nets.py"),
        ("nets", "src/nets.py"),
        ("own_nets", "own_nets/__init__.py"),
        ("houses.nets", "houses/nets.py"),
        ("houses.deep.nets", "src/houses/deep/nets.py"),
        ("häuser.übung", "src/häuser/übung.py"),
        ("own.model", "src/own/model/__init__.py"),
    ],
)
def test_a_module_is_found_below_the_project_or_its_src(module: str, path: str, tmp_path: Path) -> None:
    write(tmp_path, path)
    assert locate(module, tmp_path) == tmp_path / path
    assert relative(locate(module, tmp_path), tmp_path) == path


def test_a_package_and_folders_without_init_are_searched_like_python_does(tmp_path: Path) -> None:
    write(tmp_path, "one/__init__.py", "one/nets.py", "two/nets.py", "src/two/losses.py")
    assert find_module("one.nets", tmp_path) == tmp_path / "one/nets.py"
    assert find_module("two.nets", tmp_path) == tmp_path / "two/nets.py"
    assert find_module("two.losses", tmp_path) == tmp_path / "src/two/losses.py"
    assert find_module("two", tmp_path) is None


@pytest.mark.parametrize(
    ("module", "paths"),
    [
        ("houses", ["houses.py", "houses/__init__.py"]),
        ("houses", ["houses.py", "src/houses.py"]),
        ("houses", ["houses/__init__.py", "src/houses/__init__.py"]),
        ("houses.nets", ["houses/nets.py", "src/houses/nets.py"]),
        ("houses.nets", ["houses/nets.py", "houses/nets/__init__.py"]),
        ("houses.nets", ["houses/nets.py", "houses.py"]),  # Python takes houses.py, which has no modules
        ("houses.nets", ["src/houses/nets.py", "houses.py"]),
        ("houses.nets", ["src/houses/nets.py", "houses/__init__.py"]),  # which hides the other folder
        ("a.b.nets", ["a/b/nets.py", "a/b.py"]),
    ],
)
def test_two_files_that_could_be_meant_are_refused_with_both(module: str, paths: list[str], tmp_path: Path) -> None:
    write(tmp_path, *paths)
    with pytest.raises(InputError) as error:
        locate(module, tmp_path)
    assert str(error.value) == f"{module}: must be one file, got {' and '.join(paths)}; rename one of them"


def test_a_missing_file_is_named_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        locate("houses.nets", tmp_path)
    assert str(error.value) == (
        f"houses.nets: must be a module of this project, got no file houses/nets.py or src/houses/nets.py in {tmp_path}"
    )


@pytest.mark.parametrize("name", ["a" * 300, ".".join(["a" * 200] * 30)])
def test_a_name_that_is_too_long_for_a_file_is_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a module of this project, got no file"):
        locate(name, tmp_path)


@pytest.mark.parametrize("module", ["subprocess", "os", "os.path", "builtins", "random", "__main__"])
def test_a_module_of_python_is_none_of_the_project_even_with_a_file(module: str, tmp_path: Path) -> None:
    write(tmp_path, f"{module.replace('.', '/')}.py")
    with pytest.raises(InputError, match=f"^{module}: must be a module of this project, got one of Python's standard"):
        locate(module, tmp_path)


@pytest.mark.parametrize("module", ["relight.cli", "stages.train"])
def test_code_of_relight_is_none_of_the_project(module: str, tmp_path: Path) -> None:
    write(tmp_path, f"{module.replace('.', '/')}.py")
    with pytest.raises(InputError, match=f"^{module}: must be a module of yours, got one of Relight's"):
        locate(module, tmp_path)


@pytest.mark.parametrize("path", ["numpy/nets.py", "src/torch/nets.py", "yaml/nets.py"])
def test_a_file_with_the_name_of_an_installed_module_is_refused(path: str, tmp_path: Path) -> None:
    write(tmp_path, path)
    top = path.removeprefix("src/").split("/")[0]
    with pytest.raises(InputError, match=f"{top}: must be a module of this project only, got another one in /.*/{top}"):
        locate(f"{top}.nets", tmp_path)


def test_an_installed_module_without_a_file_in_the_project_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"numpy: must be a module of this project, got no file numpy.py"):
        locate("numpy", tmp_path)


def test_a_link_out_of_the_project_is_refused_and_one_inside_is_not(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    write(tmp_path, "elsewhere/nets.py", "project/inner/nets.py")
    (project / "nets.py").symlink_to(elsewhere / "nets.py")
    (project / "houses").symlink_to(elsewhere)
    (project / "short.py").symlink_to("inner/nets.py")
    (project / "loop.py").symlink_to("loop.py")
    (project / "gone.py").symlink_to("nowhere.py")
    with pytest.raises(InputError, match=r"^nets.py: must lie in the project's folder, got a link to /.*/elsewhere"):
        locate("nets", project)
    with pytest.raises(InputError, match=r"^houses/nets.py: must lie in the project's folder, got a link to"):
        locate("houses.nets", project)
    assert locate("short", project) == project / "short.py"
    for name in ("loop", "gone"):
        with pytest.raises(InputError, match=f"{name}: must be a module of this project, got no file"):
            locate(name, project)


def test_a_project_that_is_a_link_itself_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "real/houses/nets.py")
    (tmp_path / "link").symlink_to("real")
    assert relative(locate("houses.nets", tmp_path / "link"), tmp_path / "link") == "houses/nets.py"


@pytest.mark.parametrize("folder", ["data", "models", "reports", "data/raw"])
def test_code_among_data_and_results_is_refused_also_through_a_link(folder: str, tmp_path: Path) -> None:
    write(tmp_path, f"{folder}/evil.py")
    said = rf"^{folder}/evil.py: must not lie in {folder.split('/')[0]}/, which holds data and results; move it to src/"
    with pytest.raises(InputError, match=said):
        locate(f"{folder}/evil".replace("/", "."), tmp_path)
    (tmp_path / "fine.py").symlink_to(f"{folder}/evil.py")
    with pytest.raises(InputError, match=said):
        locate("fine", tmp_path)


def test_a_package_named_data_below_src_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "src/data/reader.py", "data/raw/other.py")
    assert locate("data.reader", tmp_path) == tmp_path / "src/data/reader.py"


def test_a_file_of_the_virtual_environment_is_none_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "env/bin/activate_this.py")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    with pytest.raises(InputError, match=r"^env/bin/activate_this.py: must be code of this project, got a file of the"):
        locate("env.bin.activate_this", tmp_path)


def test_a_folder_and_a_pipe_are_no_module(tmp_path: Path) -> None:
    (tmp_path / "nets.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    assert find_module("nets", tmp_path) is None
    assert find_module("pipe", tmp_path) is None
