"""The contract of a reader: the example keeps it, and each way to break it is said in a sentence with its line."""

import json
import sys
from pathlib import Path

import pytest

from relight.commands.contract import run_contract
from relight.errors import InputError
from relight.testing import ContractError, check_reader
from tests.own_projects import copy_houses, enter

READERS = """\
import json
import random
from pathlib import Path

import numpy as np
import polars as pl


def frame(path, key="rows"):
    return pl.DataFrame(json.loads(path.read_text())[key])


def parts(path):
    rows = json.loads(path.read_text())["rows"]
    return (pl.DataFrame(rows[start : start + 2]) for start in range(0, len(rows), 2))


def arrays(path):
    print("reading", end="")
    return {"x": np.arange(4.0), "name": np.array(["a", "", None, "b"], dtype=object)}


def nothing(path):
    frame(path)


def shuffled(path):
    rows = json.loads(path.read_text())["rows"]
    random.shuffle(rows)
    return pl.DataFrame({"x": [random.random() for _ in rows]})


def unordered(path):
    return pl.DataFrame({"x": sorted({"one", "two", "three", "four"}, key=hash)})


def writes(path):
    path.write_text(path.read_text() + " ")
    return frame(path)


def raises(path):
    return frame(path)["nothing"]


seen = []


def remembers(path):
    seen.append(path)
    return pl.DataFrame({"x": [len(seen)]})


loaded = None


def needs_another(path):
    if __name__ in __import__("sys").modules and loaded is None:
        raise ValueError("load first")
    return frame(path)


def without_path():
    return 1
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"x": number / 3, "name": f"n{number}"} for number in range(5)]
    (tmp_path / "rows.json").write_text(json.dumps({"rows": rows, "houses": rows}), encoding="utf-8")
    copy_houses(tmp_path)
    return enter(tmp_path, monkeypatch, tried_readers=READERS)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("houses.data:read", {"key": "rows"}),
        ("tried_readers:frame", {}),
        ("tried_readers:parts", {}),
        ("tried_readers:arrays", {}),
    ],
)
def test_it_is_kept(name: str, settings: dict[str, object]) -> None:
    assert [fact.problem for fact in check_reader(name, "rows.json", **settings)] == [""] * 4


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("nothing", "it gives rows in columns", "prepare.reader: tried_readers:nothing (tried_readers.py:23) must "
         "return a DataFrame of Polars or pandas, arrays by name, or an iterator of them, got NoneType; return"),
        ("raises", "it gives rows in columns", "prepare.reader: tried_readers.py:43: in raises: ColumnNotFoundError: "),
        ("shuffled", "the same file gives the same rows again", "tried_readers:shuffled (tried_readers.py:27): the "
         "rows differ; draw no random numbers"),
        ("remembers", "the same file gives the same rows again", "tried_readers:remembers (tried_readers.py:49): the "),
        ("unordered", "another process reads the same rows", "tried_readers:unordered (tried_readers.py:33): the rows "
         "differ; sort what comes from a set"),
        ("writes", "it leaves the file as it is", "tried_readers:writes (tried_readers.py:37): rows.json changed; ope"),
    ],
)  # fmt: skip
def test_each_way_to_break_it_is_said_with_its_line(name: str, fact: str, said: str) -> None:
    with pytest.raises(ContractError) as error:
        check_reader(f"tried_readers:{name}", Path("rows.json"))
    found = dict(text.removeprefix("fails    ").split(": ", 1) for text in str(error.value).splitlines())
    assert found[fact].startswith(said)


def test_what_only_this_process_has_loaded_is_missing_in_another(project: Path) -> None:
    sys.path.append(str(project))
    import tried_readers  # type: ignore[import-not-found]

    tried_readers.loaded = True
    with pytest.raises(ContractError) as error:
        check_reader(tried_readers.needs_another, "rows.json")
    (line,) = str(error.value).splitlines()
    assert line == (
        "fails    another process reads the same rows: tried_readers:needs_another (tried_readers.py:57): "
        "prepare.reader: tried_readers.py:59: in needs_another: ValueError: load first"
    )


@pytest.mark.parametrize(
    ("name", "source", "settings", "said"),
    [
        ("frame", "rows.json", {"kye": "x"}, r"^prepare.reader.kye: is unknown to tried_readers:frame \(.*mean key"),
        (
            "without_path",
            "rows.json",
            {},
            r"^prepare.reader: tried_readers:without_path \(.*\) must take \(path\), got",
        ),
        ("frame", "other.json", {}, "^other.json: no such file to try the reader on; name another one with --source"),
    ],
)
def test_what_cannot_be_tried_is_said(name: str, source: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_reader(f"tried_readers:{name}", source, **settings)


def run(*settings: str, kind: str | None = None, source: Path | None = None) -> tuple[str, list[str]]:
    return run_contract("tried_readers:frame", list(settings), kind, Path("params.yaml"), source)


def test_the_command_reads_the_source_of_params_yaml(project: Path) -> None:
    with pytest.raises(InputError, match=r"^tried_readers:frame: must have a file to read; add --source, as --so"):
        run(kind="reader")
    assert run(kind="reader", source=Path("rows.json"))[1] == []
    with pytest.raises(InputError, match=r"^--source: must be left out for a loss, because only a reader reads a f"):
        run(kind="loss", source=Path("rows.json"))
    text = "prepare: {source: rows.json, reader: {call: 'tried_readers:frame', key: houses}}\n"
    (project / "params.yaml").write_text(text, encoding="utf-8")
    assert run() == (
        "holds    it gives rows in columns\n"
        "holds    the same file gives the same rows again\n"
        "holds    it leaves the file as it is\n"
        "holds    another process reads the same rows\n",
        [],
    )
    assert run("key=rows")[1] == []
