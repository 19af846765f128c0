"""The rows that are predicted: of a table, or of a file that the model's own reader reads; the columns kept of them."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

import relight
from relight.cli import main
from relight.errors import InputError, RelightError
from relight.predict.new_rows import GROUP, one_row_each
from relight.predict.predict import predict
from tests.trained_kinds import KINDS, TrainedKind, train_kind

pytestmark = pytest.mark.filterwarnings("ignore:.* categories were missing or unknown")  # cities with a gap
READER = """\
import polars as pl


def read(path, skip):
    if not path.read_text().startswith("sheet"):
        raise ValueError("this is no sheet")
    return pl.read_csv(path, skip_rows=skip, infer_schema=False)
"""
NETWORK = """\
from torch import nn


class Line(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.layer = nn.Linear(d_in, d_out)

    def forward(self, x):
        return self.layer(x)
"""


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of a project are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("birds", "birds.data", "birds.networks"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_modules: None) -> TrainedKind:  # noqa: ARG001
    """A project whose source an own reader has read, with an own network; this is the current folder."""
    folder = tmp_path / "project"
    (folder / "src/birds").mkdir(parents=True)
    (folder / "src/birds/data.py").write_text(READER)
    (folder / "src/birds/networks.py").write_text(NETWORK)
    kind = KINDS["table"]
    (folder / "table.sheet").write_text("sheet 1\n" + kind.table.write_csv())
    asked = {"source": "table.sheet", "reader": {"call": "birds.data:read", "skip": 1}}
    model = {"name": {"call": "birds.networks:Line"}, "numeric": "standardize"}
    monkeypatch.chdir(folder)
    trained = train_kind(folder, kind._replace(prepare={**kind.prepare, **asked}, model=model))
    assert json.loads((folder / "model.json").read_text())["features"]["reader"]["ending"] == ".sheet"
    return trained


def predicted(table: str, models: str = ".") -> str:
    predict(Path(table), models=Path(models), output=Path("out.csv"))
    return Path("out.csv").read_text()


def test_the_reader_reads_files_of_its_ending_and_other_files_are_tables(project: TrainedKind) -> None:
    Path("new.SHEET").write_text(Path("table.sheet").read_text())
    project.kind.table.write_parquet("new.parquet")
    expected = predicted("table.csv")
    assert predicted("table.sheet") == predicted("new.SHEET") == predicted("new.parquet") == expected
    assert relight.load(".").predict("table.sheet").write_csv() == expected


def test_a_notebook_in_another_folder_names_the_project(
    project: TrainedKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = predicted("table.csv")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    for name in ("birds", "birds.data", "birds.networks"):
        sys.modules.pop(name)
    model = relight.load(".", project="../project")
    assert model.predict("../project/table.sheet").write_csv() == expected
    assert model.predict(project.kind.table).write_csv() == expected
    assert repr(model).startswith("<birds.networks:Line: regression of price")
    (tmp_path / "notebooks/wrong.sheet").write_text("page 1")
    with pytest.raises(RelightError, match=r"src/birds/data.py:6: in read: ValueError: this is no sheet"):
        model.predict("wrong.sheet")


def test_a_reader_that_changed_is_said_and_reads_as_it_is_now(
    project: TrainedKind, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = predicted("table.csv")
    assert predicted("table.sheet") == expected
    assert "note" not in capsys.readouterr().err
    Path("src/birds/data.py").write_text(READER + "\n")
    assert predicted("table.sheet") == expected
    assert capsys.readouterr().err == (
        "note: src/birds/data.py: has changed since the model was trained, and reads table.sheet as it is now; "
        "`dvc repro` trains with it\n"
    )
    assert project.kind.prepare["reader"]["skip"] == 1


@pytest.mark.usefixtures("project")
def test_a_reader_that_is_missing_is_named_and_tables_go_on_without_it() -> None:
    expected = predicted("table.csv")
    Path("src/birds/data.py").unlink()
    sys.modules.pop("birds.data")
    assert predicted("table.csv") == expected
    with pytest.raises(InputError) as refusal:
        predicted("table.sheet")
    assert refusal.value.problems == (
        "table.sheet: prepare.reader: birds.data: must be a module of this project, got no file birds/data.py or "
        f"src/birds/data.py in {Path.cwd()}; run in the folder of the model's project, or write the rows as .csv or "
        ".parquet",
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("call", ["subprocess:run", "os:system", "birds.data.os:system"])
def test_the_reader_of_a_stranger_is_never_imported(call: str) -> None:
    known = json.loads(Path("model.json").read_text())
    known["features"]["reader"] |= {"call": call, "settings": {}}
    Path("model.json").write_text(json.dumps(known))
    with pytest.raises(InputError, match="must be a module of this project"):
        predicted("table.sheet")


@pytest.mark.usefixtures("project")
def test_a_reader_without_a_module_is_refused() -> None:
    known = json.loads(Path("model.json").read_text())
    known["features"]["reader"]["call"] = "../evil"
    Path("model.json").write_text(json.dumps(known))
    with pytest.raises(InputError, match='must be "module:name"'):
        predicted("table.sheet")


@pytest.mark.usefixtures("project")
def test_another_ending_is_refused_with_those_that_can_be_read() -> None:
    Path("table.sav").write_text("")
    with pytest.raises(InputError) as refusal:
        predicted("table.sav")
    assert refusal.value.problems == (
        "table.sav: must end in .sheet, as the source that birds.data:read read, or be a table "
        "(.csv, .tsv, .parquet, or a folder of them)",
    )
    with pytest.raises(InputError, match=r"no.sheet: no such file"):
        predicted("no.sheet")


def test_the_command_keeps_columns(
    project: TrainedKind, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relight.predict.table.chunk_rows", lambda _model: 40)
    words = ["predict", "table.csv", "--models", ".", "-o", "out.csv", "--keep", "id", "--keep", "price"]
    assert main(words) == 0
    table = pl.read_csv("out.csv", infer_schema=False)
    assert table.columns == ["id", "price", "prediction"]
    assert table["id"].to_list() == project.kind.table["id"].to_list()
    assert main([*words, "--keep", "idd"]) == 2
    assert capsys.readouterr().err.endswith("error: keep: 'idd' is not a column of table.csv; did you mean 'id'?\n")


@pytest.mark.usefixtures("project")
def test_a_csv_cannot_hold_lists() -> None:
    rows = KINDS["table"].table.with_columns(tags=pl.concat_list("id", "city"))
    rows.write_parquet("rows.parquet")
    with pytest.raises(InputError, match=r"keep: 'tags' is of type List\(String\), which a CSV cannot hold"):
        predict(Path("rows.parquet"), models=Path(), output=Path("out.csv"), keep=["tags"])
    assert relight.load(".").predict(rows, keep="tags")["tags"].to_list() == rows["tags"].to_list()


def test_groups_come_in_order_and_have_one_value_each() -> None:
    kept = pl.DataFrame({"a": [1, 1, 2], "b": ["x", None, "y"], "c": ["x", "x", None]})
    group = pl.Series("g", ["q", "q", "p"])
    assert one_row_each(kept.select("a", "c"), group, "sequence").rows() == [("q", 1, "x"), ("p", 2, None)]
    assert one_row_each(kept.select([]), group, "sequence")[GROUP].to_list() == ["q", "p"]
    with pytest.raises(InputError) as refusal:
        one_row_each(kept, group, "sequence")
    assert refusal.value.problems == ("keep: 'b' must have one value for each sequence, got 2 for sequence 'q'",)


def test_kept_columns_of_one_series_and_of_texts_of_symbols(tmp_path: Path) -> None:
    series = KINDS["series"]
    table = series.table.filter(pl.col("shop") == "a").drop("shop")
    sequence = {key: value for key, value in series.prepare["sequence"].items() if key != "series"}
    (tmp_path / "series").mkdir()
    one = train_kind(
        tmp_path / "series",
        series._replace(table=table, prepare={**series.prepare, "sequence": sequence}),
    )
    answers = relight.load(one.models).predict(table, keep="town")
    assert answers.columns[:3] == ["town", "day", "prediction"]
    assert answers["town"].to_list() == ["bonn"] * 3
    letters = pl.DataFrame({
        "nr": list(range(60)),
        "word": [("ab" if row % 2 else "ba") * (1 + row % 4) for row in range(60)],
        "kind": ["odd" if row % 2 else "even" for row in range(60)],
    })  # fmt: skip
    (tmp_path / "words").mkdir()
    asked = {"target": "kind", "task": "auto", "ignore": ["nr"], "sequence": {"symbols": "word"}}
    words = train_kind(tmp_path / "words", KINDS["sequences"]._replace(table=letters, prepare=asked))
    model = relight.load(words.models)
    assert [(column.name, column.kind) for column in model.columns] == [("word", "symbols")]
    assert model.predict(letters, keep="nr")["nr"].to_list() == list(range(60))
