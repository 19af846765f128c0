from pathlib import Path

import polars as pl
import pytest

from relight.errors import InputError
from relight.io.source import file_kind, read_source, source_kind
from relight.params.line import LineParams
from tests.bad_inputs import LINE


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def test_a_yaml_is_the_description_of_a_line() -> None:
    Path("line.yaml").write_text(LINE)
    read = read_source(Path("line.yaml"))
    assert isinstance(read, LineParams)
    assert (read.weight, read.bias, read.step) == (0.7, 0.3, 0.02)


def test_all_that_is_wrong_with_a_line_is_told_with_its_file() -> None:
    Path("line.yaml").write_text(LINE.replace("weight: 0.7", "wait: 0.7").replace("noise: 0.0", "noise: -1"))
    with pytest.raises(InputError) as caught:
        read_source(Path("line.yaml"))
    assert caught.value.problems == (
        "line.yaml: weight: is missing; add for example `weight: 0.7`",
        "line.yaml:7: noise: must be >= 0, however: -1",
        "line.yaml:2: wait: is unknown; did you mean weight?",
    )


def test_csv_and_parquet_and_a_folder_of_parquet_are_tables() -> None:
    Path("t.csv").write_text("x\n1\n")
    Path("folder").mkdir()
    pl.DataFrame({"x": [1]}).write_parquet("t.parquet")
    pl.DataFrame({"x": [2]}).write_parquet("folder/part.parquet")
    tables = [read_source(Path(name)) for name in ("t.csv", "t.parquet", "folder")]
    assert [table.rows() for table in tables if isinstance(table, pl.DataFrame)] == [[("1",)], [(1,)], [(2,)]]


@pytest.mark.parametrize("source", ["/etc/hosts", "../t.csv", "data/../../t.csv"])
def test_a_path_out_of_the_repository_is_refused_whether_it_is_there_or_not(source: str) -> None:
    with pytest.raises(InputError, match="must be a path inside the repository"):
        source_kind(Path(source))


def test_a_link_out_of_the_repository_is_refused_unless_dvc_made_it(tmp_path: Path) -> None:
    (tmp_path / "cached").write_text("x\n1\n")
    Path("t.csv").symlink_to(tmp_path / "cached")
    with pytest.raises(InputError, match="is a link out of the repository"):
        source_kind(Path("t.csv"))
    Path("t.csv.dvc").write_text("outs: []\n")  # `dvc add` leaves a link into the shared cache, and this
    assert source_kind(Path("t.csv")) == "csv"


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


def test_a_folder_is_parquet_whatever_its_name_is() -> None:
    Path("table.csv").mkdir()
    assert file_kind(Path("table.csv")) == "parquet"


def test_another_ending_is_refused_with_the_known_ones() -> None:
    Path("t.xlsx").write_text("")
    with pytest.raises(InputError, match=r"must end in .yaml, .csv, .parquet, or be a folder of .parquet files"):
        file_kind(Path("t.xlsx"))
