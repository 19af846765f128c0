"""A reader of the user's own: what it returns becomes the same clean rows as those of a file, for each kind."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from relight.commands.check import check
from relight.data.schema import Schema
from relight.errors import InputError, RelightError
from relight.own_code.calls import Call
from relight.prepare import table as prepare_table
from relight.prepare.own_reader import OwnTable, ending_of
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.prepare.source import open_source
from relight.runtime.files import read_model
from tests.closure import REPOSITORY
from tests.own_projects import enter
from tests.pair_tables import pairs
from tests.ranking_tables import ranking_table

READERS = """\
import sqlite3

import numpy as np
import polars as pl


def texts(path):
    return pl.read_csv(path, infer_schema=False)


def parts(path, *, n_rows=7):
    whole = pl.read_csv(path, infer_schema=False)
    for start in range(0, whole.height, n_rows):
        yield whole.slice(start, n_rows)


class Reader:
    def __init__(self, separator):
        self.separator = separator

    def __call__(self, path):
        return pl.read_csv(path, infer_schema=False, separator=self.separator)


def arrays(path):
    return dict(np.load(path))


def database(path):
    connection = sqlite3.connect(path)
    cursor = connection.execute("SELECT x, y FROM houses")
    while rows := cursor.fetchmany(3):
        yield pl.DataFrame(rows, schema=["x", "y"], orient="row")


def value(path, kind):
    values = {
        "nothing": None,
        "lazy": pl.LazyFrame({"x": [1]}),
        "series": pl.Series("x", [1]),
        "array": np.zeros(3),
        "text": "rows",
        "rows": pl.DataFrame({"x": []}, schema={"x": pl.Int64}),
        "columns": pl.DataFrame(),
        "objects": {"x": np.array([{}], dtype=object)},
        "numbers": iter([1, 2]),
        "none": iter([]),
        "other": [pl.DataFrame({"x": [1]}), pl.DataFrame({"y": [1]})],
        "type": [pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1.5]})],
    }
    return values[kind]


def broken(path):
    return pl.DataFrame({"x": [int("three")]})


def broken_later(path):
    yield pl.DataFrame({"x": [1]})
    raise ValueError("the second sheet is empty")


def lacks_a_package(path):
    import no_such_package_here


def lacks_the_file(path):
    return open("rates.txt").read()


def prints(path):
    print("reading the first sheet\\n")
    return pl.read_csv(path)


no_function = 3
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_readers=READERS)


def call(name: str, **settings: object) -> Call:
    return Call(call=f"own_readers:{name}", **settings)


def rows_of(name: str, path: str = "source.dat", **settings: object) -> pl.DataFrame:
    return pl.concat(list(OwnTable(Path(path), call(name, **settings)).frames()))


def prepared(section: dict[str, Any], source: str, reader: Call | None) -> tuple[bytes, Schema]:
    params = PrepareParams(**{"task": "auto", "ignore": [], **section}, source=source, reader=reader)
    prepare(params, source=Path(source), table=Path("rows"), schema=Path("schema.json"))
    return Path("rows").read_bytes(), read_model(Path("schema.json"), Schema)


KINDS: list[tuple[Any, dict[str, Any]]] = [
    ("table", {"target": "y"}),
    ("sequences", {"target": "y", "sequence": {"id": "id", "time": "time"}}),
    ("series", {"target": "x", "task": "forecast", "ignore": ["id", "y"], "sequence": {"time": "day", "length": 8}}),
    ("pairs", {"target": "match", "task": "similarity", "ignore": ["left_id", "right_id"]}),
    ("ranking", {"target": "relevance", "task": "ranking", "query": "query"}),
]


def write_source(kind: str, path: Path) -> None:
    if kind == "pairs":
        pairs(60).write_csv(path)
    elif kind == "ranking":
        ranking_table(30).write_csv(path)
    else:
        ids = [row // 4 for row in range(80)]
        pl.DataFrame({
            "id": ids,
            "time": [row % 4 for row in range(80)],
            "day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 20), eager=True),
            "x": [0.5 * row % 7 for row in range(80)],
            "c": ["007" if row % 3 else "a" for row in range(80)],
            "y": ["yes" if i % 2 else "no" for i in ids],
        }).write_csv(path)  # fmt: skip


@pytest.mark.parametrize(("kind", "section"), KINDS, ids=[kind for kind, _ in KINDS])
@pytest.mark.parametrize("reader", [call("texts"), call("parts", n_rows=7), call("Reader", separator=",")], ids=str)
def test_every_kind_of_data_is_prepared_as_from_a_csv(kind: str, section: dict[str, Any], reader: Call) -> None:
    write_source(kind, Path("source.csv"))
    Path("source.dat").write_bytes(Path("source.csv").read_bytes())
    rows, schema = prepared(section, "source.csv", None)
    own_rows, own_schema = prepared(section, "source.dat", reader)
    assert own_rows == rows
    assert own_schema.model_copy(update={"reader": None, "notes": []}) == schema.model_copy(update={"notes": []})
    assert own_schema.reader is not None
    assert own_schema.reader.call == reader.call
    assert (own_schema.reader.settings, own_schema.reader.ending) == (reader.settings, ".dat")
    assert list(own_schema.reader.files) == ["own_readers.py"]


def test_the_schema_of_a_table_that_relight_read_says_nothing_of_readers() -> None:
    write_source("table", Path("source.csv"))
    prepared({"target": "y"}, "source.csv", None)
    assert "reader" not in Path("schema.json").read_text()


def test_types_of_polars_are_kept_and_arrays_are_columns() -> None:
    import numpy as np

    np.savez("source.npz", x=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2 == 0)
    _, schema = prepared({"target": "y"}, "source.npz", call("arrays"))
    assert [(column.name, column.kind) for column in schema.columns] == [("x_0", "numeric"), ("x_1", "numeric")]
    assert (schema.task, schema.classes) == ("binary", ["false", "true"])


def test_a_large_source_is_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts that come after those that decide the kinds are drawn one at a time."""
    drawn = []

    def count() -> Any:
        for part in range(40):
            drawn.append(part)
            yield pl.DataFrame({"x": [part * 1.0, 2.0], "y": [1.0, part * 3.0]})

    table = OwnTable(Path("source.dat"), call("parts"))
    monkeypatch.setattr(table, "_unread", table._frames(count()))
    assert not table.head(5).is_whole
    assert table.head(5).rows.height == 5
    assert drawn == [0, 1, 2]
    frames = table.frames()
    assert [next(frames).height for _ in range(5)] == [2] * 5
    assert drawn == [0, 1, 2, 3, 4]
    assert pl.concat(list(frames)).height == 70


@pytest.fixture(autouse=True)
def source(project: Path) -> None:
    write_source("table", project / "source.dat")


def test_a_connection_stays_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite refuses a connection in another thread than the one that opened it."""
    import sqlite3

    monkeypatch.setattr(prepare_table, "PLANNING_ROWS", 4)
    with sqlite3.connect("houses.db") as connection:
        connection.execute("CREATE TABLE houses (x REAL, y REAL)")
        connection.executemany("INSERT INTO houses VALUES (?, ?)", [(row * 0.5, row * 2.0) for row in range(50)])
    connection.close()
    _, schema = prepared({"target": "y"}, "houses.db", call("database"))
    assert schema.rows == 50


def test_later_parts_get_the_types_of_the_first_one_if_no_value_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        pl.DataFrame({"x": [1, 2], "c": ["a", "b"]}),
        pl.DataFrame({"x": [None, None], "c": ["c", None]}),
        pl.DataFrame({"x": [1.0, None], "c": pl.Series(["d", "a"], dtype=pl.Categorical)}),
        pl.DataFrame({"x": [], "c": []}, schema={"x": pl.Int8, "c": pl.String}),
    ]
    table = OwnTable(Path("source.dat"), call("texts"))
    monkeypatch.setattr(table, "_unread", table._frames(parts))
    assert pl.concat(list(table.frames())).rows() == [
        (1, "a"),
        (2, "b"),
        (None, "c"),
        (None, None),
        (1, "d"),
        (None, "a"),
    ]


READ = "prepare.reader: own_readers:value (own_readers.py:36)"
EITHER = "must return a DataFrame of Polars or pandas, arrays by name, or an iterator of them, got"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nothing", f"{READ} {EITHER} NoneType; return the table"),
        ("lazy", f"{READ} {EITHER} LazyFrame; return its .collect()"),
        ("series", f"{READ} {EITHER} Series; return its .to_frame()"),
        ("array", f"{READ} {EITHER} ndarray; name it, as {{'x': array}}"),
        ("text", f"{READ} {EITHER} str"),
        ("numbers", f"{READ} {EITHER} an iterator of int"),
        ("rows", f"{READ} must return rows, got none from source.dat"),
        ("none", f"{READ} must return rows, got none from source.dat"),
        ("columns", f"{READ}: has no columns"),
        ("objects", f"{READ}: column 'x' must hold numbers, texts, dates or booleans, got dict {{}} in row 1"),
        ("other", f"{READ}: table 2: must have the columns of the first table, got y for x"),
        ("type", f"{READ}: table 2: column 'x' must be of type Int64, as in the first table, got Float64; cast it"),
    ],
)
def test_what_is_no_table_is_said_with_the_line_of_the_reader(kind: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        rows_of("value", kind=kind)
    assert refusal.value.problems[0].startswith(said)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("broken", {}, "own_readers.py:55: in broken: ValueError: invalid literal for int() with base 10: 'three'"),
        ("broken_later", {}, "own_readers.py:60: in broken_later: ValueError: the second sheet is empty"),
        (
            "lacks_a_package",
            {},
            "own_readers.py:64: in lacks_a_package: ModuleNotFoundError: No module named 'no_such_package_here'; "
            "install the package that has it, or correct its name",
        ),
        ("lacks_the_file", {}, "own_readers.py:68: in lacks_the_file: FileNotFoundError: [Errno 2] No such file"),
        ("text", {}, "own_readers.py must have text, got none; did you mean texts?"),
        ("no_function", {}, "own_readers:no_function must be a function or a class, got int 3 in own_readers.py"),
        ("value", {}, "own_readers:value (own_readers.py:36) needs kind; write it next to `call`"),
        ("Reader", {}, "own_readers:Reader (own_readers.py:17) needs separator; write it next to `call`"),
    ],
)
def test_a_reader_that_fails_is_named_with_its_line(name: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(RelightError) as failure:
        rows_of(name, **settings)
    assert failure.value.problems[0].startswith(f"prepare.reader: {said}")


def test_settings_that_the_reader_does_not_take_are_named() -> None:
    with pytest.raises(InputError) as refusal:
        rows_of("parts", n_row=3)
    assert refusal.value.problems == (
        "prepare.reader.n_row: is unknown to own_readers:parts (own_readers.py:11); did you mean n_rows?",
    )


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("/etc/hosts", "inside the repository"), ("../a.dat", "inside the repository"), ("no.dat", "no such file")],
)
def test_the_source_of_a_reader_lies_in_the_repository(path: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        open_source(Path(path), call("texts"))


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.xlsx", ".xlsx"),
        ("a.v2.XLSX", ".xlsx"),
        ("a.json.gz", ".json.gz"),
        ("a", ""),
        ("folder", "/"),
        ("a.zarr", ".zarr"),
    ],
)
def test_the_ending_tells_the_files_of_the_reader(name: str, ending: str) -> None:
    if name in ("folder", "a.zarr"):
        Path(name).mkdir()
    assert ending_of(Path(name)) == ending


def test_what_a_reader_prints_is_no_list_of_files() -> None:
    """The check hands the runner the files of own code on its output."""
    pipeline = {"stages": {"prepare": {"cmd": "true", "deps": ["own_readers.py"]}}}
    Path("dvc.yaml").write_text(yaml.safe_dump(pipeline))
    write_params(reader={"call": "own_readers:prints"})
    done = subprocess.run(
        [sys.executable, "-m", "stages.check", "prepare"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "reading the first sheet" in done.stderr
    assert done.stdout == "own_readers.py\n"


RECIPES = {"series": "forecast", "pairs": "similarity"}


@pytest.mark.parametrize(("kind", "section"), KINDS, ids=[kind for kind, _ in KINDS])
def test_check_reads_every_kind_of_data_with_the_reader(kind: str, section: dict[str, Any]) -> None:
    write_source(kind, Path("source.dat"))
    Path("dvc.yaml").write_text("stages: {prepare: {cmd: a, deps: [own_readers.py]}}")
    sections = yaml.safe_load((REPOSITORY / f"recipes/{RECIPES.get(kind, kind)}.yaml").read_text())
    sections["split"] |= {"train": 0.6, "validation": 0.2, "test": 0.2}
    for reader, said in (
        ("texts", r"^source.dat: \d+ "),
        ("broken", r"^prepare.reader: own_readers.py:\d+: in broken: V"),
    ):
        given = {"source": "source.dat", "reader": {"call": f"own_readers:{reader}"}}
        sections["prepare"] = {"task": "auto", "ignore": [], **section, **given}
        Path("params.yaml").write_text(yaml.safe_dump(sections))
        try:
            answer = check(Path("params.yaml"))
        except InputError as error:
            answer = str(error)
        assert re.match(said, answer), answer


def write_params(**prepare_section: object) -> Path:
    sections = yaml.safe_load((REPOSITORY / "recipes/table.yaml").read_text())
    sections["prepare"] |= {"source": "source.dat", "target": "y", **prepare_section}
    Path("params.yaml").write_text(yaml.safe_dump(sections))
    Path("dvc.yaml").write_text("stages: {prepare: {cmd: '', deps: [own_readers.py], params: [prepare]}}\n")
    return Path("params.yaml")


def test_check_reads_with_the_reader() -> None:
    said = check(write_params(reader={"call": "own_readers:texts"}))
    assert said.startswith("source.dat: 80 rows (")
    assert "  c: categorical" in said


def test_check_tells_of_a_reader_that_fails_next_to_all_else_that_is_wrong() -> None:
    params = write_params(reader={"call": "own_readers:broken"})
    params.write_text(params.read_text().replace("epochs: ", "epochs: -"))
    with pytest.raises(InputError) as refusal:
        check(params)
    assert [problem.split(": ")[1] for problem in refusal.value.problems] == ["train.epochs", "own_readers.py:55"]


def test_check_looks_at_the_first_rows_of_a_long_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.commands.check.PLANNING_ROWS", 20)
    monkeypatch.setattr("relight.commands.check.N_CHECKED_ROWS", 10)
    said = check(write_params(reader={"call": "own_readers:parts"}))
    assert "the first 10 rows were checked" in said


def test_check_says_once_what_reading_and_running_the_code_find() -> None:
    write_source("table", Path("source.dat"))
    Path("dvc.yaml").write_text("stages: {prepare: {cmd: a, deps: [own_readers.py]}}")
    params = write_params(reader={"call": "own_readers:value", "knd": "dict"})
    with pytest.raises(InputError) as caught:
        check(params)
    line = next(n for n, text in enumerate(params.read_text().splitlines(), 1) if "knd" in text)
    assert [problem.split(" own_readers:value")[0] for problem in caught.value.problems] == [
        f"params.yaml:{line}: prepare.reader.knd: is unknown to",
        "prepare.reader:",
    ]


def test_a_missing_column_is_one_of_what_the_reader_returned() -> None:
    with pytest.raises(
        InputError, match=r"'z' is not a column of source.dat \(read by own_readers:texts\); its columns"
    ):
        check(write_params(reader={"call": "own_readers:texts"}, target="z"))
