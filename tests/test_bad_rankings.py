"""Messages about params and tables that cannot be ranked, before anything runs."""

from pathlib import Path

import polars as pl
import pytest

from relight.commands.check import check
from relight.errors import InputError
from tests.ranking_tables import ranking_table
from tests.repositories import REPOSITORY


def checked(folder: Path, table: pl.DataFrame, *edits: tuple[str, str]) -> str:
    """Return the output of `relight check` of the recipe with a table."""
    table.write_csv(folder / "table.csv")
    text = (REPOSITORY / "recipes/ranking.yaml").read_text(encoding="utf-8")
    for old, new in (("data/raw/table.csv", "table.csv"), *edits):
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return check(folder / "params.yaml")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source stands inside the repository."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return ranking_table(n_queries=60)


def test_the_recipe_wants_source_target_and_query_alone(tmp_path: Path, table: pl.DataFrame) -> None:
    said = checked(tmp_path, table)
    assert "target relevance: ranking, loss listwise" in said
    assert "query query: its candidates are ranked" in said
    assert "  query: not seen" in said
    assert "split.method: auto chose group by 'query': the candidates of a query stay together." in said


def test_a_column_named_split_is_taken_where_it_keeps_queries_whole(tmp_path: Path, table: pl.DataFrame) -> None:
    number = pl.col("query").str.slice(1).cast(pl.Int64)
    parts = pl.when(number < 40).then(pl.lit("train")).when(number < 50).then(pl.lit("val")).otherwise(pl.lit("test"))
    said = checked(tmp_path, table.with_columns(split=parts))
    assert "split.method: auto chose column 'split'" in said


SPLIT_BY_ROW = pl.Series("split", ["train", "val", "test"] * 1000)
BAD = {
    "no query": (("  query: query", "  #"), "prepare: query must name the column that says which query"),
    "no such query": (("query: query", "query: querry"), "prepare.query: 'querry' is not a column of .* mean 'query'"),
    "the target": (("query: query", "query: relevance"), "prepare.query: 'relevance' is the target, and cannot be the"),
    "a feature": (("columns: {}", "columns: {query: numeric}"), "prepare.columns: 'query' is the query"),
    "a query elsewhere": (("task: ranking", "task: regression"), "query must be null with task: regression"),
    "weights": (("ignore: []", "ignore: []\n  weight: x0"), "weight must be null with task: ranking"),
    "several targets": (("target: relevance", "target: [x0, x1]"), "must be auto or distribution with several target"),
    "random": (("method: auto", "method: random"), "split.method: must be one of auto, group, column for ranking"),
    "stratified": (("method: auto", "method: stratified"), "split.method: must be one of auto, group, column for rank"),
    "ordered": (("method: auto", "method: ordered"), "split.method: must be one of auto, group, column for ranking"),
    "a group without a name": (("method: auto ", "method: group "), "column must name a column of the table "),
    "loss of a regression": (("loss: auto", "loss: mse"), "train.loss: must be one of auto, listwise, margin_ranking"),
    "calibration": (("loss: auto", "loss: auto\n  calibration: temperature"), "must be none for ranking"),
    "cuda graph": (("compile: false", "cuda_graph: true"), "train.cuda_graph: must be false for ranking"),
    "a scale": (("numeric: quantile_normal", "numeric: none\n  target: log"), "model.target: must be auto or none for"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_params_are_named(name: str, tmp_path: Path, table: pl.DataFrame) -> None:
    edit, said = BAD[name]
    with pytest.raises(InputError, match=said):
        checked(tmp_path, table, edit)


def test_a_query_on_two_sides_is_named(tmp_path: Path, table: pl.DataFrame) -> None:
    torn = table.with_columns(SPLIT_BY_ROW[: table.height])
    with pytest.raises(InputError, match=r"split: each query must be in one part, got \d+ in more than one"):
        checked(tmp_path, torn)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("relevance", [-1], "target 'relevance' row 1 must be a grade of relevance, .*, got -1"),
        ("relevance", [0.5], "target 'relevance' row 1 must be a grade of relevance, .*, got 0.5"),
        ("relevance", [None], r"target 'relevance' has 1 missing value \(row 1\)"),
        ("relevance", ["good"], "target 'relevance' row 1 must be a number, got 'good'"),
        ("query", [None, None], r"column 'query' has 2 missing values \(row 1, 2\)"),
    ],
)
def test_bad_values_are_named_with_their_row(
    column: str, values: list[object], said: str, tmp_path: Path, table: pl.DataFrame
) -> None:
    texts = [*(None if v is None else str(v) for v in values), *map(str, table[column].to_list()[len(values) :])]
    with pytest.raises(InputError, match=said):
        checked(tmp_path, table.with_columns(pl.Series(column, texts)))


def test_equal_relevances_are_nothing_to_rank(tmp_path: Path, table: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="split: part train has no query whose candidates differ in 'relevance'"):
        checked(tmp_path, table.with_columns(relevance=pl.lit(1)))


def test_one_query_alone_cannot_be_split(tmp_path: Path, table: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"split.column: 'query' has only one group"):
        checked(tmp_path, table.with_columns(query=pl.lit("q")))
