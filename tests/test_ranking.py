"""A person's own candidates, ranked through all five stages by the real `dvc`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
import torch

from relight.errors import InputError
from relight.export.export import export
from relight.predict.predict import predict
from tests.ranking_tables import ranking_table
from tests.repositories import Repository, make_repository

pytestmark = pytest.mark.xdist_group("ranking")  # one worker: what the fixture makes is dear

STAGES = ["prepare", "split", "train", "evaluate", "plot"]
TRAINED = ("models/model.pth", "models/model.json", "reports/train/curves.csv", "data/split/train.safetensors")
WRITTEN = (*TRAINED, "reports/metrics.json", "reports/evaluate/queries.csv", "reports/report.html", "models/README.md")


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The recipe, with a small network; run once. It is only read."""
    root = tmp_path_factory.mktemp("ranked") / "repository"
    root.mkdir()
    repository = make_repository(root)
    shutil.copy(root / "recipes/ranking.yaml", root / "params.yaml")
    repository.edit(
        "params.yaml", "tabm_small: {k: 16, n_blocks: 2, d_block: 192", "tabm_small: {k: 4, n_blocks: 2, d_block: 64"
    )
    repository.edit("params.yaml", "epochs: 40", "epochs: 12")
    repository.edit("params.yaml", "bootstrap: 200", "bootstrap: 50")
    ranking_table().write_csv(root / "data/raw/table.csv")
    assert repository.repro() == STAGES
    return repository


@pytest.fixture
def again(ranked: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(ranked.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")


def metrics_of(repository: Repository) -> dict[str, dict[str, float]]:
    metrics: dict[str, dict[str, float]] = json.loads((repository.root / "reports/metrics.json").read_text())
    return metrics


def test_the_order_is_far_better_than_a_random_one(ranked: Repository) -> None:
    metrics = metrics_of(ranked)
    assert metrics["test"]["ndcg@10"] > 0.9 > 0.65 > metrics["baseline"]["test"]["ndcg@10"]  # type: ignore[index]
    assert metrics["test"]["pairwise_accuracy"] > 0.85
    assert metrics["baseline"]["test"]["pairwise_accuracy"] == 0.5  # type: ignore[index]
    assert metrics["test"]["map"] > metrics["baseline"]["test"]["map"] + 0.2  # type: ignore[index]
    assert set(metrics["references"]) == {"linear", "hist_gradient_boosting"}
    low, high = metrics["intervals"]["test"]["ndcg@10"]  # type: ignore[misc]
    assert low <= metrics["test"]["ndcg@10"] <= high


def test_no_query_stands_on_two_sides_and_the_model_never_sees_it(ranked: Repository) -> None:
    table = pl.read_parquet(ranked.root / "data/prepared/table.parquet")
    features = json.loads((ranked.root / "data/split/features.json").read_text())
    assert features["query"] == "query"
    assert [feature["name"] for feature in features["numeric"]] == ["x0", "x1", "x2", "x3", "level"]
    assert [feature["name"] for feature in features["categorical"]] == ["kind"]
    said = pl.read_csv(ranked.root / "reports/evaluate/predictions.csv")
    assert said["query"].to_list() == table["query"][said["row"]].to_list()
    whole = table.filter(pl.col("query").is_in(said["query"].unique().to_list()))
    assert whole.height == said.height


def test_each_query_has_its_score_and_those_without_an_order_are_named(ranked: Repository) -> None:
    queries = pl.read_csv(ranked.root / "reports/evaluate/queries.csv")
    measured = queries["ndcg@10"].drop_nulls()
    assert measured.mean() == pytest.approx(metrics_of(ranked)["test"]["ndcg@10"])
    alone = queries.filter(pl.col("candidates") == 1)
    assert alone.height > 0
    assert alone["ndcg@10"].null_count() == alone.height
    n_equal = queries.height - len(measured) - alone.height
    said = f"Queries of the test part: {queries.height}; left out of the scores: {alone.height} with one candidate, "
    page = (ranked.root / "reports/report.html").read_text(encoding="utf-8")
    assert f"{said}{n_equal} whose relevances are all equal." in page


def test_the_pictures_the_page_and_the_card_are_there(ranked: Repository) -> None:
    drawn = sorted(path.stem for path in (ranked.root / "reports/plots").glob("*.png"))
    assert drawn == ["importance", "loss", "ndcg_by_size", "score"]
    card = (ranked.root / "models/README.md").read_text(encoding="utf-8")
    assert "- query: query" in card
    assert "Baseline: what a random order scores on average." in card
    assert "ndcg@10 ↑" in card


def test_predict_ranks_the_candidates_of_each_query(ranked: Repository, tmp_path: Path) -> None:
    place = ranked.root / "data/raw/table.csv"
    told = predict(place, models=ranked.root / "models", output=tmp_path / "said.csv")
    table, said = pl.read_csv(place), pl.read_csv(tmp_path / "said.csv")
    assert told == f"{tmp_path / 'said.csv'}: {table.height} candidates of 200 queries ranked\n"
    assert said.columns == ["query", "prediction", "rank"]
    assert said["query"].to_list() == table["query"].to_list()
    for of_query in said.partition_by("query"):
        by_rank = of_query.sort("rank")
        assert by_rank["rank"].to_list() == list(range(1, of_query.height + 1))
        assert by_rank["prediction"].is_sorted(descending=True)
    evaluated = pl.read_csv(ranked.root / "reports/evaluate/predictions.csv")
    assert np.abs(said["prediction"].to_numpy()[evaluated["row"]] - evaluated["prediction"].to_numpy()).max() <= 1e-5


def test_predict_wants_a_query_in_every_row(ranked: Repository, tmp_path: Path) -> None:
    table = ranking_table(n_queries=5)
    gap = table.with_columns(query=pl.Series([None, *table["query"].to_list()[1:]]))
    for wrong, said in (
        (gap, r"column 'query' has 1 missing value \(row 1\)"),
        (table.rename({"query": "querry"}), "column 'query' is missing; did you mean 'querry'"),
    ):
        wrong.write_csv(tmp_path / "new.csv")
        with pytest.raises(InputError, match=said):
            predict(tmp_path / "new.csv", models=ranked.root / "models", output=tmp_path / "said.csv")


@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_the_exported_model_gives_the_scores(ranked: Repository, form: Literal["onnx", "pt2"]) -> None:
    """Compared with those of the model, on the pipeline's own rows."""
    models, prepared = ranked.root / "models", ranked.root / "data/prepared/table.parquet"
    place, validation = ranked.root / f"exported.{form}", ranked.root / "data/split/validation.safetensors"
    assert "answers" in export(form, models=models, output=place, prepared=prepared, validation=validation)
    assert place.stat().st_size > 0


def test_the_same_bytes_twice(ranked: Repository, again: Repository) -> None:
    assert again.repro("--force") == STAGES
    assert again.bytes_of(*WRITTEN) == ranked.bytes_of(*WRITTEN)


def test_other_relevances_of_the_test_rows_leave_what_is_trained(ranked: Repository, again: Repository) -> None:
    table = pl.read_csv(again.root / "data/raw/table.csv")
    rows = pl.read_csv(again.root / "reports/evaluate/predictions.csv")["row"].to_list()
    relevance = table["relevance"].to_numpy().copy()
    relevance[rows] = 4 - relevance[rows]
    table.with_columns(relevance=relevance).write_csv(again.root / "data/raw/table.csv")
    assert again.repro() == ["prepare", "split", "evaluate", "plot"]
    assert again.bytes_of(*TRAINED) == ranked.bytes_of(*TRAINED)
    metrics = metrics_of(again)
    assert metrics["test"]["ndcg@10"] < metrics["baseline"]["test"]["ndcg@10"]  # type: ignore[index]
