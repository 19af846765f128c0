"""No link, `.dvc` file or setting of a repository reaches what lies outside of it; DVC's own links are followed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from relight.commands.contract import run_contract
from relight.commands.samples import write_sample
from relight.errors import InputError
from relight.export.export import export
from relight.own_code.calls import Call
from relight.predict.new_rows import open_table
from relight.prepare.source import SourceTable, open_source
from relight.project.starting_params import table_problems
from relight.repository.objects import bytes_md5, object_path
from relight.runtime.audit import Audit
from relight.runtime.places import MAX_PROBLEMS, is_in_repository

TABLE = b"x\n1\n"
ANY_MODEL: Any = SimpleNamespace(features=SimpleNamespace(reader=None, text_format=None))
OUT = "is a link out of the repository, to "


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository next to somebody's home, which holds a secret table, and a cache that they share with others."""
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for folder in ("root/.dvc/tmp", "root/.git", "root/data/folder/sub", "home/folder", "cache"):
        (tmp_path / folder).mkdir(parents=True)
    for path in (
        "home/secret.csv",
        "home/folder/a.csv",
        "root/data/t.csv",
        "root/data/folder/z.csv",
        "root/.git/c.csv",
    ):
        (tmp_path / path).write_bytes(TABLE)
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path / "root"


def link(path: str, target: str | Path) -> None:
    Path(path).symlink_to(target)


def store(content: bytes, cache: Path, ending: str = "") -> tuple[str, Path]:
    """Put an object into a cache; return its MD5 and its path."""
    md5 = bytes_md5(content) + ending
    path = cache / object_path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5, path


def point(path: str, md5: str) -> None:
    Path(f"{path}.dvc").write_text(f"outs:\n- md5: {md5}\n  size: 4\n  hash: md5\n  path: {Path(path).name}\n")


def is_read(source: str) -> bool:
    table = open_source(Path(source))
    assert isinstance(table, SourceTable)
    return pl.concat(table.frames({})).height > 0


LINKS: dict[str, tuple[str, Callable[[], None]]] = {
    "a file": ("data/a.csv", lambda: link("data/a.csv", "../../home/secret.csv")),
    "an absolute link": ("data/a.csv", lambda: link("data/a.csv", Path.cwd().parent / "home/secret.csv")),
    "two links": ("data/a.csv", lambda: (link("b.csv", "../home/secret.csv"), link("data/a.csv", "../b.csv"))[0]),
    "a folder": ("data/a", lambda: link("data/a", "../../home/folder")),
    "a file of a linked folder": ("data/a/a.csv", lambda: link("data/a", "../../home/folder")),
    "inside a folder": ("data/folder", lambda: link("data/folder/a.csv", "../../../home/secret.csv")),
    "deep inside a folder": ("data/folder", lambda: link("data/folder/sub/a.csv", "../../../../home/secret.csv")),
    "a folder in a folder": ("data/folder", lambda: link("data/folder/sub/a", "../../../../home/folder")),
    "a link to a folder with a link": (
        "data/folder",
        lambda: (link("data/folder/b", "../../other"), Path("other").mkdir(), link("other/a.csv", "../../home/x"))[0],
    ),
    "a device": ("data/folder", lambda: link("data/folder/a.csv", "/dev/zero")),
    "nothing, out there": ("data/folder", lambda: link("data/folder/a.csv", "../../../home/later.csv")),
    "an empty .dvc file": (
        "data/b.csv",
        lambda: (link("data/b.csv", "../../home/secret.csv"), Path("data/b.csv.dvc").touch())[0],
    ),
    "a .dvc file that names its MD5": (
        "data/b.csv",
        lambda: (link("data/b.csv", "../../home/secret.csv"), point("data/b.csv", bytes_md5(TABLE)))[0],
    ),
    "a .dvc file that is a link": (
        "data/b.csv",
        lambda: (link("data/b.csv", "../../home/secret.csv"), link("data/b.csv.dvc", "../../home/secret.csv"))[0],
    ),
    "a .dvc file of the folder": (
        "data/folder",
        lambda: (link("data/folder/b.csv", "../../../home/secret.csv"), Path("data/folder.dvc").touch())[0],
    ),
}


@pytest.mark.parametrize("case", LINKS)
def test_no_link_out_of_the_repository_is_read(case: str) -> None:
    source, make = LINKS[case]
    make()
    with pytest.raises(InputError, match=OUT):
        open_source(Path(source))
    with pytest.raises(InputError, match=OUT):
        open_source(Path(source), Call(call="readers:none"))


@pytest.mark.parametrize("folder", ["/", "..", "../home", "../../home", "~", "~/", '"/"'])
def test_a_setting_makes_no_folder_a_cache(folder: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root.parent / "home"))
    Path(".dvc/config").write_text(f"[cache]\n    dir = {folder}\n    type = symlink\n")
    link("data/b.csv", "../../home/secret.csv")
    point("data/b.csv", bytes_md5(TABLE))
    with pytest.raises(InputError, match=OUT):
        open_source(Path("data/b.csv"))


@pytest.mark.parametrize("md5", ["..", "", "../../home/secret.csv", "0" * 31, "0" * 32, f"{bytes_md5(TABLE)}.dir", "5"])
def test_an_object_of_the_cache_is_read_only_by_its_md5(md5: str, root: Path) -> None:
    Path(".dvc/config").write_text("[cache]\n    dir = ../../cache\n")
    link("data/b.csv", store(TABLE, root.parent / "cache")[1])
    point("data/b.csv", md5)
    with pytest.raises(InputError, match=OUT):
        open_source(Path("data/b.csv"))


@pytest.mark.parametrize("config", [".dvc/config", ".dvc/config.local", "../DVC_GLOBAL_CONFIG_DIR/config"])
@pytest.mark.parametrize("folder", ["relative", "absolute"])
def test_links_of_dvc_into_its_cache_are_read(config: str, folder: str, root: Path) -> None:
    cache = root.parent / "cache"
    Path(config).parent.mkdir(exist_ok=True)
    where = cache if folder == "absolute" else os.path.relpath(cache, Path(config).parent)
    Path(config).write_text(f"['remote \"s\"']\n    url = x\n[core]\n    remote = s\n[cache]\n    dir = {where}\n")
    md5, path = store(TABLE, cache)
    link("data/b.csv", path)
    point("data/b.csv", md5)
    listed = json.dumps([{"md5": md5, "relpath": "sub/b.csv"}, {"md5": md5, "relpath": "b.csv"}]).encode()
    point("data/folder", store(listed, cache, ".dir")[0])
    for name in ("b.csv", "sub/b.csv"):
        link(f"data/folder/{name}", path)
    assert is_read("data/b.csv")
    assert is_read("data/folder")
    assert is_read("data/folder/sub/b.csv")
    link("data/folder/other.csv", path)  # the list does not have it
    with pytest.raises(InputError, match="data/folder/other.csv: " + OUT):
        open_source(Path("data/folder"))


def test_what_dvc_links_is_read(root: Path) -> None:
    """The real DVC, with a cache outside of the repository and links into it."""
    for path in (".git/c.csv", ".git", ".dvc/tmp", ".dvc"):
        Path(path).rmdir() if Path(path).is_dir() else Path(path).unlink()
    Path("data/folder/sub/a.csv").write_text("x\n5\n")
    for words in (
        ["init", "-q", "--no-scm"], ["cache", "dir", "-q", "../cache"], ["config", "cache.type", "symlink"],
        ["add", "-q", "data/t.csv", "data/folder"],
    ):  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for path in ("data/t.csv", "data/folder/z.csv"):
        assert os.path.realpath(path).startswith(str(root.parent / "cache"))
    with Audit("prepare", ("data/t.csv", "data/folder"), Path("scratch")):  # as the stage reads them
        assert is_read("data/t.csv")
        assert is_read("data/folder")
        assert is_read("data/folder/sub")


def test_links_inside_the_repository_are_followed() -> None:
    link("data/a.csv", "t.csv")
    link("data/folder/a.csv", "../t.csv")
    link("data/folder/loop", "..")
    link("data/.dvc-cached.csv", store(TABLE, Path.cwd() / ".dvc/cache")[1])
    assert is_read("data/a.csv")
    assert is_read("data/folder")
    assert is_read("data/.dvc-cached.csv")


@pytest.mark.parametrize("target", [".git/c.csv", ".dvc/config.local"])
def test_settings_are_no_data(target: str) -> None:
    Path(target).write_bytes(TABLE)
    link("data/a.csv", f"../{target}")
    link("data/folder/a.csv", f"../../{target}")
    for source in ("data/a.csv", "data/folder", target):
        with pytest.raises(InputError, match=rf"must be data, got {target}, which may hold passwords"):
            open_source(Path(source), Call(call="readers:none"))


def test_what_is_no_file_is_refused_before_anything_waits_for_it() -> None:
    os.mkfifo("data/folder/sub/a.csv")
    with pytest.raises(InputError, match=r"data/folder/sub/a.csv: must be a file or a folder, got something else"):
        open_source(Path("data/folder"))


def test_many_links_are_listed_and_not_all_of_them() -> None:
    for index in range(30):
        link(f"data/folder/{index:02}.csv", "../../../home/secret.csv")
    with pytest.raises(InputError) as caught:
        open_source(Path("data/folder"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        f"data/folder/{index:02}.csv" for index in range(MAX_PROBLEMS)
    ]


def test_other_commands_follow_no_link_out_of_a_folder() -> None:
    """`relight predict`, `relight new --source`, `relight test`, `relight data`."""
    link("data/folder/a.csv", "../../../home/secret.csv")
    with pytest.raises(InputError, match="data/folder/a.csv: " + OUT):
        open_table(Path("data/folder"), ANY_MODEL)
    assert table_problems(Path("data/folder"), "x", is_asked=True)[0].startswith("--source: data/folder/a.csv: " + OUT)
    Path("params.yaml").write_text("prepare:\n  source: data/folder\n")
    with pytest.raises(InputError, match="data/folder/a.csv: " + OUT):
        run_contract("readers:none", [], "reader", Path("params.yaml"))
    link("raw", "../home")
    with pytest.raises(InputError, match=r"raw/digits.csv: " + OUT):
        write_sample("digits", Path("raw"))
    assert not Path("../home/digits.csv").exists()


def test_nothing_is_written_through_a_link_out_unless_a_person_names_it() -> None:
    link("models", "../home")
    rows = Path("none")
    with pytest.raises(InputError, match=r"models/model.onnx: " + OUT):
        export("onnx", models=Path("models"), output=None, prepared=rows, validation=rows)
    with pytest.raises(InputError, match=r"model.json: cannot be read"):  # what is missing is only the model
        export("onnx", models=Path("models"), output=Path("models/named.onnx"), prepared=rows, validation=rows)


def test_a_folder_outside_of_any_repository_is_its_owners(root: Path) -> None:
    link("../home/folder/b.csv", "../secret.csv")
    assert pl.concat(open_table(root.parent / "home/folder", ANY_MODEL).frames).height == 2
    assert not is_in_repository(Path("../home/secret.csv"), root)
