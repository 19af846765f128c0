import gzip
from pathlib import Path

import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.params import LineParams
from relight.prepare.source import SourceTable, file_kind, open_source, source_kind
from tests.bad_inputs import LINE


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def test_a_yaml_is_the_description_of_a_line() -> None:
    Path("line.yaml").write_text(LINE)
    read = open_source(Path("line.yaml"))
    assert isinstance(read, LineParams)
    assert (read.weight, read.bias, read.step) == (0.7, 0.3, 0.02)


def test_all_that_is_wrong_with_a_line_is_told_with_its_file() -> None:
    Path("line.yaml").write_text(LINE.replace("weight: 0.7", "wait: 0.7").replace("noise: 0.0", "noise: -1"))
    with pytest.raises(InputError) as caught:
        open_source(Path("line.yaml"))
    assert caught.value.problems == (
        "line.yaml: weight: is missing; add for example `weight: 0.7`",
        "line.yaml:7: noise: must be >= 0, got -1",
        "line.yaml:2: wait: is unknown; did you mean weight?",
    )


def rows_of(source: str) -> list[tuple[object, ...]]:
    table = open_source(Path(source))
    assert isinstance(table, SourceTable)
    return pl.concat(table.frames({})).rows()


def test_a_table_is_a_file_or_a_folder_of_files_in_the_order_of_their_names() -> None:
    for folder in ("csv", "tsv", "gz", "parquet"):
        Path(folder).mkdir()
    Path("csv/b.csv").write_text(" x ,y\n3,c\n")
    Path("csv/a.csv").write_text("x,y\n1,a\n2,b")
    Path("csv/README.md").write_text("no table")
    Path("tsv/a.tsv").write_text("x\ty\n1\ta,b\n")
    Path("gz/a.csv.gz").write_bytes(gzip.compress(b"x,y\n1,a\n"))
    Path("gz/b.csv.gz").write_bytes(gzip.compress(b"x,y\n2,b\n") + gzip.compress(b"3,c\n"))
    pl.DataFrame({"x": [1], "y": ["a"]}).write_parquet("parquet/a.parquet")
    pl.DataFrame({" x": [2], "y": ["b"]}).write_parquet("parquet/b.parquet")
    assert rows_of("csv/b.csv") == [("3", "c")]
    assert rows_of("csv") == [("1", "a"), ("2", "b"), ("3", "c")]
    assert rows_of("tsv") == rows_of("tsv/a.tsv") == [("1", "a,b")]
    assert rows_of("gz") == [("1", "a"), ("2", "b"), ("3", "c")]
    assert rows_of("parquet") == [(1, "a"), (2, "b")]


def test_the_head_is_the_first_rows_and_knows_whether_there_are_others() -> None:
    Path("t.csv").write_text("x\n1\n2\n3\n")
    table = SourceTable(Path("t.csv"))
    assert (table.head(2).rows["x"].to_list(), table.head(2).is_whole) == (["1", "2"], False)
    assert (table.head(3).rows["x"].to_list(), table.head(3).is_whole) == (["1", "2", "3"], True)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.csv": "x,y\n1,2\n", "b.csv": "y,x\n1,2\n"}, "b.csv: must have the columns of a.csv"),
        ({"a.csv": "x,y\n1,2\n", "b.tsv": "x\ty\n1\t2\n"}, "folder: must hold files of one kind, got a.csv"),
        ({"notes.txt": "x"}, r"folder: has no tables in it \(.csv, .tsv, .txt \(also as"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n"}, "b.csv: has a header but no rows"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(files: dict[str, str], complaint: str) -> None:
    Path("folder").mkdir()
    for name, text in files.items():
        (Path("folder") / name).write_text(text)
    with pytest.raises(InputError, match=complaint):
        rows_of("folder")


def test_parquet_files_of_other_types_do_not_fit_together() -> None:
    Path("folder").mkdir()
    pl.DataFrame({"x": [1]}).write_parquet("folder/a.parquet")
    pl.DataFrame({"x": [1.5]}).write_parquet("folder/b.parquet")
    with pytest.raises(InputError, match=r"b.parquet: must have the columns and types of a.parquet"):
        rows_of("folder")


def test_a_table_without_rows_is_refused() -> None:
    pl.DataFrame({"x": []}, schema={"x": pl.Int64}).write_parquet("t.parquet")
    with pytest.raises(InputError, match=r"t.parquet: has columns but no rows"):
        rows_of("t.parquet")


@pytest.mark.parametrize("source", ["/etc/hosts", "../t.csv", "data/../../t.csv"])
def test_a_path_out_of_the_repository_is_refused_whether_it_is_there_or_not(source: str) -> None:
    with pytest.raises(InputError, match="must be a path inside the repository"):
        source_kind(Path(source))


@pytest.fixture
def model(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model in a repository that has `.dvc` at its top, and a table outside of it and one inside."""
    (repository / ".dvc").mkdir()
    for folder in (repository / "models/price", repository / "data", repository.parent / "etc"):
        folder.mkdir(parents=True)
    for folder in (repository / "data", repository / "models/price", repository.parent / "etc"):
        (folder / "t.csv").write_text("x\n1\n")
    monkeypatch.chdir(repository / "models/price")
    return repository / "models/price"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("source", ["t.csv", "../../data/t.csv", "../../data", "../price/t.csv"])
def test_a_source_elsewhere_in_the_repository_is_one_of_the_model(source: str) -> None:
    assert source_kind(Path(source)) == "csv"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "source",
    [
        "../../../etc",
        "../../../etc/t.csv",
        "../../../../../../../../etc/hosts",
        "../../../repository/data/t.csv",  # a clone or a temporary workspace has another name
        "../../data/../../etc/t.csv",
        "../../data/../../repository/data/t.csv",
    ],
)
def test_no_step_of_a_path_leads_out_of_the_repository(source: str) -> None:
    with pytest.raises(InputError, match="must be a path inside the repository"):
        source_kind(Path(source))


def test_a_way_back_after_a_name_is_refused_because_dvc_would_take_another_file(model: Path) -> None:
    (model / "link").symlink_to(model.parent.parent / "data", target_is_directory=True)
    with pytest.raises(InputError) as caught:
        source_kind(Path("link/../t.csv"))
    assert str(caught.value) == "link/../t.csv: must have `..` only at its beginning; write t.csv"


def test_links_of_a_model_stay_in_the_repository(model: Path) -> None:
    (model / "inside.csv").symlink_to("../../data/t.csv")
    (model / "outside.csv").symlink_to("../../../etc/t.csv")
    (model / "folder").symlink_to("../../../etc", target_is_directory=True)
    assert source_kind(Path("inside.csv")) == "csv"
    for source in ("outside.csv", "folder", "folder/t.csv"):
        with pytest.raises(InputError, match="is a link out of the repository"):
            source_kind(Path(source))


def test_a_link_inside_the_repository_is_followed() -> None:
    Path("a.csv").write_text("x\n1\n")
    Path("b.csv").symlink_to("a.csv")
    assert source_kind(Path("b.csv")) == "csv"


def test_a_missing_sample_table_names_the_command_that_writes_it(repository: Path) -> None:
    with pytest.raises(InputError) as caught:
        source_kind(Path("data/raw/digits.csv"))
    assert str(caught.value) == (
        f"data/raw/digits.csv: no such file in {repository}; run `relight data digits` "
        "for one of the sample tables, or correct prepare.source"
    )


@pytest.mark.parametrize("path", ["data/raw/table.csv", "digits.parquet", "data/raw/digits.csv.gz", "data/raw/digits"])
def test_the_command_is_named_for_no_other_table(path: str, repository: Path) -> None:
    with pytest.raises(InputError) as caught:
        source_kind(Path(path))
    assert str(caught.value) == (
        f"{path}: no such file in {repository}; put the table there, or correct prepare.source"
    )


def test_a_missing_sample_table_elsewhere_is_written_by_the_command_without_a_name(repository: Path) -> None:
    with pytest.raises(InputError) as caught:
        source_kind(Path("tables/digits.csv"))
    assert str(caught.value) == (
        f"tables/digits.csv: no such file in {repository}; run `relight data` for one of the sample tables, or correct "
        "prepare.source"
    )


@pytest.mark.parametrize("pointer", ["data/raw/digits.csv.dvc", "data/raw.dvc", "data.dvc"])
def test_a_missing_table_that_dvc_tracks_is_pulled(pointer: str, repository: Path) -> None:
    Path("data").mkdir(exist_ok=True)
    Path("data/raw").mkdir(exist_ok=True)
    Path(pointer).write_text("outs: []\n")
    with pytest.raises(InputError) as caught:
        source_kind(Path("data/raw/digits.csv"))
    assert str(caught.value) == f"data/raw/digits.csv: no such file in {repository}; run `dvc pull data/raw/digits.csv`"


def test_a_folder_is_what_its_files_are_whatever_its_name_is() -> None:
    Path("table.csv").mkdir()
    Path("table.csv/a.parquet").write_bytes(b"")
    assert file_kind(Path("table.csv")) == "parquet"


def test_another_ending_is_refused_with_the_known_ones() -> None:
    for name, step in {
        "t.sav": "or read it with a function of your own: prepare.reader",
        "t.csv.zst": "unpack it with `unzstd`",
        "t.JSON": "write it as .jsonl",
        "t.feather": "write it as .parquet",
        "t.pkl": "is never read",
    }.items():
        Path(name).write_text("")
        with pytest.raises(
            InputError, match=rf"{name}: must end in .yaml, .csv, .tsv, .* a folder of such tables; .*{step}"
        ):
            file_kind(Path(name))
