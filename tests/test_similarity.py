"""Pairs of records from end to end: the real `dvc` on FEBRL's persons, and small tables whose answer is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from relight.cli import main
from relight.commands.check import check
from relight.errors import InputError
from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.predict.pairs import embed
from relight.predict.predict import predict
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.runtime.files import read_json
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import TrainParams
from relight.train.train import train
from tests.pair_tables import pairs
from tests.repositories import REPOSITORY, Repository, run_recipe

pytestmark = pytest.mark.xdist_group("similarity")  # one worker: what the fixture makes is dear

HERE = {"PYTHONPATH": "src"}  # the code of this repository, wherever `relight` is installed from

PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}
SPLIT = {"method": "auto", "column": None, **PARTS, "seed": 1}
TRAIN = {
    "seed": 3,
    "epochs": 4,
    "batch_size": 32,
    "loss": "auto",
    "margin": 1.5,
    "optimizer": {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.0, "momentum": 0.0},
    "early_stopping": {"patience": 8},
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def febrl(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The recipe, run by the real `dvc`. It is only read."""
    return run_recipe(tmp_path_factory.mktemp("febrl"), "febrl_pairs")


def test_the_recipe_finds_the_same_persons(febrl: Repository) -> None:
    """LightGBM on hand-made similarities has an AUC of 0.999997 on these test rows."""
    metrics = read_json(febrl.root / "reports/metrics.json")
    assert metrics["test"]["auc"] >= 0.9997
    assert metrics["test"]["accuracy"] >= 0.995 > 0.7 > metrics["baseline"]["test"]["accuracy"]
    assert metrics["test"]["recall_at_1"] >= 0.995
    assert metrics["test"]["recall_at_5"] == 1.0
    low, high = metrics["intervals"]["test"]["auc"]
    assert low <= metrics["test"]["auc"] <= high
    schema = read_json(febrl.root / "data/prepared/schema.json")
    assert [column["name"] for column in schema["columns"] if column["kind"] == "ignored"] == [
        "left_rec_id",
        "right_rec_id",
        "split",
    ]


def test_the_scores_are_those_of_the_written_predictions(febrl: Repository) -> None:
    metrics = read_json(febrl.root / "reports/metrics.json")
    said = pl.read_csv(febrl.root / "reports/evaluate/predictions.csv")
    assert said.columns == ["row", "target", "prediction", "distance", "similarity"]
    assert metrics["test"]["auc"] == pytest.approx(roc_auc_score(said["target"], -said["distance"]), abs=1e-6)
    assert metrics["test"]["average_precision"] == pytest.approx(
        average_precision_score(said["target"], -said["distance"]), abs=1e-6
    )
    assert metrics["test"]["accuracy"] == (said["target"] == said["prediction"]).mean()
    nearer = said["distance"] <= metrics["threshold_distance"]
    assert ((said["similarity"] >= 0.5) == nearer).all()
    raw = pl.read_csv(febrl.root / "data/raw/febrl_pairs.csv.gz")
    assert (raw["match"][said["row"].to_numpy()] == said["target"]).all()
    assert set(raw["split"][said["row"].to_numpy()]) == {"test"}


def test_recall_is_that_of_the_named_records(febrl: Repository) -> None:
    """Grouped by the id that the model does not see."""
    said = pl.read_csv(febrl.root / "reports/evaluate/predictions.csv")
    raw = pl.read_csv(febrl.root / "data/raw/febrl_pairs.csv.gz")
    named = said.with_columns(person=raw["left_rec_id"][said["row"].to_numpy()])
    best = (
        named.sort("distance").group_by("person", maintain_order=True).agg(pl.all().first(), any=pl.col("target").max())
    )
    found = best.filter(pl.col("any") == 1)["target"].mean()
    assert read_json(febrl.root / "reports/metrics.json")["test"]["recall_at_1"] == pytest.approx(found, abs=1e-9)


def test_pictures_page_and_card(febrl: Repository) -> None:
    drawn = {path.stem for path in (febrl.root / "reports/plots").glob("*.png")}
    assert {"calibration", "confusion", "distances", "loss", "roc"} <= drawn <= {
        "calibration", "confusion", "distances", "loss", "roc", "score",
    }  # fmt: skip
    card = (febrl.root / "models/README.md").read_text(encoding="utf-8")
    assert r"| left\_surname, right\_surname | text | compared by its letters |" in card
    page = (febrl.root / "reports/report.html").read_text(encoding="utf-8")
    assert "recall_at_1 ↑" in page
    assert "n-gram overlap" in page


def test_predict_says_of_the_table_what_evaluate_said(febrl: Repository, folder: Path) -> None:
    predict(febrl.root / "data/raw/febrl_pairs.csv.gz", models=febrl.root / "models", output=folder / "again.csv")
    again = pl.read_csv(folder / "again.csv")
    said = pl.read_csv(febrl.root / "reports/evaluate/predictions.csv")
    assert again.columns == ["prediction", "distance", "similarity"]
    difference = (again[said["row"].to_numpy()]["distance"] - said["distance"]).abs().max()
    assert float(str(difference)) <= 1e-5


def test_the_distance_of_two_embeddings_is_that_of_their_pair(febrl: Repository, folder: Path) -> None:
    raw, models = pl.read_csv(febrl.root / "data/raw/febrl_pairs.csv.gz").head(50), febrl.root / "models"
    raw.write_csv("pairs.csv")
    right = [name for name in raw.columns if name.startswith("right_")]
    raw.select(reversed(right)).write_csv("records.csv")
    predict(Path("pairs.csv"), models=models, output=Path("said.csv"))
    embed(Path("records.csv"), models=models, output=Path("right.csv"))
    done = febrl.run("relight", "embed", str(folder / "pairs.csv"), "-o", str(folder / "left.csv"), env=HERE)
    assert (done.returncode, done.stdout) == (0, f"{folder / 'left.csv'}: 50 embeddings of 585 numbers\n")
    points = [pl.read_csv(f"{side}.csv").to_numpy() for side in ("left", "right")]
    distance = np.sqrt(((points[0] - points[1]) ** 2).sum(axis=1))
    np.testing.assert_allclose(distance, pl.read_csv("said.csv")["distance"], atol=1e-5)


class Pipeline:
    """The workflows of a similarity in this process, in a folder of their own."""

    def __init__(self, root: Path, table: pl.DataFrame, **changes: dict[str, Any]) -> None:
        root.mkdir()
        table.write_csv("pairs.csv")
        source = {"source": "pairs.csv", "target": "match", "task": "similarity", "ignore": ["id"]}
        prepare(
            PrepareParams.model_validate({**source, **changes.get("prepare", {})}),
            source=Path("pairs.csv"),
            table=root / "table.parquet",
            schema=root / "schema.json",
        )
        parts = {part: root / part for part in PARTS}
        split(
            SplitParams.model_validate({**SPLIT, **changes.get("split", {})}),
            table=root / "table.parquet",
            schema=root / "schema.json",
            features=root / "features.json",
            report=root / "report.json",
            **parts,
        )
        train(
            ModelParams.model_validate({"name": "auto", "numeric": "standardize", "tower": {"d_embedding": 16}}),
            TrainParams.model_validate({**TRAIN, **changes.get("train", {})}),
            train_rows=root / "train",
            validation_rows=root / "validation",
            features=root / "features.json",
            weights=root / "model.pth",
            description=root / "model.json",
            manifest=root / "manifest.json",
            curves=root / "curves.csv",
            live_curves=root / "live.csv",
            speed=root / "speed.json",
            kept=root / "kept",
            digests={},
        )
        evaluate(
            EvaluateParams.model_validate(changes.get("evaluate", {})),
            weights=root / "model.pth",
            description=root / "model.json",
            schema=root / "schema.json",
            table=root / "table.parquet",
            train_rows=root / "train",
            validation_rows=root / "validation",
            test_rows=root / "test",
            metrics=root / "metrics.json",
            reports=root / "reports",
        )
        self.root, self.metrics = root, read_json(root / "metrics.json")

    def artifacts(self) -> dict[str, bytes]:
        left_out = ("live.csv", "speed.json", "kept")
        files = (path for path in sorted(self.root.rglob("*")) if path.is_file())
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in files
            if path.relative_to(self.root).parts[0] not in left_out
        }


def test_columns_of_every_kind_with_gaps_are_learned_from(folder: Path) -> None:
    done = Pipeline(folder / "run", pairs(400), evaluate={"slices": ["left_place"], "bootstrap": 20})
    assert done.metrics["test"]["auc"] >= 0.999
    assert "recall_at_1" not in done.metrics["test"]  # every left record stands once
    slices = pl.read_csv(done.root / "reports/slices.csv")
    assert set(slices["column"]) == {"left_place"}
    features = read_json(done.root / "features.json")
    assert features["n_train"] == 240
    assert features["class_counts"] == [120, 120]


def test_numbers_alone_are_enough(folder: Path) -> None:
    table = pairs(200).select("left_height", "right_height", "match").drop_nulls()
    done = Pipeline(folder / "run", table, prepare={"ignore": []})
    assert done.metrics["test"]["auc"] > 0.9
    assert done.metrics["references"]["n-gram overlap"]["test"]["auc"] > 0.8


def test_rows_that_stay_in_their_file_give_the_same_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Pipeline(folder / "held", pairs(120), train={"memory_gb": 1.0})
    monkeypatch.setattr("relight.train.datasets.BYTES_PER_GB", 1e3)
    stored = Pipeline(folder / "stored", pairs(120), train={"memory_gb": 1.0})
    assert held.artifacts() == stored.artifacts()


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    first, second = (Pipeline(folder / name, pairs(120)).artifacts() for name in ("first", "second"))
    assert len(first) >= 18
    assert first == second


def test_no_value_of_the_test_rows_reaches_the_model(folder: Path) -> None:
    """If the parts are a column, the values of the test rows change nothing of the model, its scale and its curves."""
    table = pairs(200).with_columns(split=pl.Series((["train"] * 6 + ["val"] * 2 + ["test"] * 2) * 20))
    is_test = pl.col("split") == "test"
    changed = table.with_columns(
        pl.when(is_test).then(pl.lit("zoe")).otherwise(pl.col("left_name")).alias("left_name"),
        pl.when(is_test).then(pl.lit(7.5)).otherwise(pl.col("right_height")).alias("right_height"),
        pl.when(is_test).then(pl.lit("rom")).otherwise(pl.col("left_place")).alias("left_place"),
        pl.when(is_test).then(pl.lit("no")).otherwise(pl.col("match")).alias("match"),
    )
    first, second = Pipeline(folder / "first", table), Pipeline(folder / "second", changed)
    for name in ("features.json", "model.pth", "model.json", "curves.csv"):
        assert (first.root / name).read_bytes() == (second.root / name).read_bytes(), name
    assert first.metrics["test"] != second.metrics["test"]


def test_without_validation_rows_the_train_rows_choose_the_threshold(folder: Path) -> None:
    shares = {"train": 0.8, "validation": 0.0, "test": 0.2}
    done = Pipeline(folder / "run", pairs(100), split=shares, train={"early_stopping": None})
    assert done.metrics["validation"] == {}
    notes = read_json(done.root / "reports/notes.json")["notes"]
    assert "The threshold was chosen on the train rows, because there are no validation rows." in notes


def test_a_group_of_left_records_stays_in_one_part(folder: Path) -> None:
    done = Pipeline(folder / "run", pairs(100), split={"method": "group", "column": "left_id"})
    table = pl.read_csv("pairs.csv").with_row_index("row")
    report = read_json(done.root / "report.json")
    assert sum(report["rows"].values()) == 100
    said = pl.read_csv(done.root / "reports/predictions.csv")
    tested = table[said["row"].to_numpy()]["left_id"].unique()
    assert table.filter(pl.col("left_id").is_in(tested.implode())).height == said.height


def test_names_with_the_side_behind_them_give_the_same_model_and_predictions(folder: Path) -> None:
    """As other programs write pairs: `name_l` and `name_r`; nothing has to be renamed or set."""
    table = pairs(120)
    behind = {
        name: f"{name.partition('_')[2]}_{name[0]}" for name in table.columns if name.startswith(("left_", "right_"))
    }
    first = Pipeline(folder / "first", table)
    first_said = predict(Path("pairs.csv"), models=first.root, output=Path("said.csv"))
    expected = pl.read_csv("said.csv")
    second = Pipeline(folder / "second", table.rename(behind))
    assert (first.root / "model.pth").read_bytes() == (second.root / "model.pth").read_bytes()
    assert predict(Path("pairs.csv"), models=second.root, output=Path("said.csv")) == first_said
    assert pl.read_csv("said.csv").equals(expected)
    notes = read_json(second.root / "schema.json")["notes"]
    assert "The sides are told by '_l' and '_r', because no column has 'left_' or 'right_'." in notes


def test_new_pairs_and_records(folder: Path) -> None:
    done = Pipeline(folder / "run", pairs(120))
    strange = pl.DataFrame({f"{side}_{name}": [None, None] for side in ("left", "right") for name in
        ("name", "house", "height", "place", "member", "born")})  # fmt: skip
    strange.write_parquet("gaps.parquet")
    assert (
        predict(Path("gaps.parquet"), models=done.root, output=Path("said.csv"))
        == "said.csv: 2 predictions of match; 2 pairs with nothing to compare, which is no match\n"
    )
    said = pl.read_csv("said.csv")
    assert said["similarity"].max() < 0.5  # type: ignore[operator]
    assert said["prediction"].to_list() == ["no", "no"]
    assert embed(Path("gaps.parquet"), models=done.root, output=Path("e.csv")).startswith("e.csv: 2 embeddings of ")
    pairs(3).drop("right_name", "left_house").write_csv("short.csv")
    with pytest.raises(InputError) as caught:
        predict(Path("short.csv"), models=done.root, output=Path("said.csv"))
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "short.csv: column 'left_house' is missing",
        "short.csv: column 'right_name' is missing",
    ]
    with pytest.raises(InputError, match="must end in"):
        embed(Path("short.csv"), models=done.root, output=Path("e.txt"))


def test_embed_is_for_similarity(finished: Repository) -> None:
    with pytest.raises(InputError, match="embed: the model must be one of similarity, got regression"):
        embed(Path("records.csv"), models=finished.root / "models", output=Path("e.csv"))


def write_params(folder: Path, table: pl.DataFrame, *edits: tuple[str, str]) -> Path:
    text = (REPOSITORY / "recipes/similarity.yaml").read_text(encoding="utf-8")
    for old, new in (("data/raw/pairs.csv  ", "pairs.csv  "), ("ignore: []", "ignore: [id]"), *edits):
        assert old in text
        text = text.replace(old, new, 1)
    table.write_csv(folder / "pairs.csv")
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return folder / "params.yaml"


def test_check_says_what_will_happen(folder: Path) -> None:
    said = check(write_params(folder, pairs(100)))
    assert said.startswith("pairs.csv: 100 pairs (64 train, 16 validation, 20 test)\n")
    assert "target match: similarity, 'yes' is alike, loss hinge_embedding\n" in said
    assert "  house: numeric and text\n" in said
    assert "  left_id: not seen\n" in said


@pytest.mark.parametrize(
    ("table", "edits", "says"),
    [
        (pairs(50).drop("left_name"), [], "right_name without left_name"),
        (pairs(50).select(pl.col("^left_.*$"), "match"), [], "got none that begins with 'right_'"),
        (pairs(50).with_columns(match=pl.lit("yes")), [], "target 'match' has only one class ('yes')"),
        (pairs(50), [("name: tower", "name: mlp_ple")], "model.name: must be tower for similarity"),
        (pairs(50), [("numeric: standardize", "numeric: none")], "model.numeric: must be standardize for similarity"),
        (pairs(50), [("loss: hinge_embedding", "loss: bce")], "must be one of auto, hinge_embedding for similarity"),
        (
            pairs(50),
            [("seed: 42\n  epochs", "seed: 42\n  seeds: 2\n  epochs")],
            "train.seeds: must be 1 for similarity",
        ),
        (pairs(50), [("margin: 1.25", "margin: 0.0")], "train.margin: must be > 0"),
        (pairs(50), [("slices: []", "slices: [age]")], "evaluate.slices: 'age' is not a column"),
        (pairs(50), [("slices: []", "references: [linear]")], "evaluate.references: must be [] for similarity"),
        (pairs(50), [("slices: []", "importance: 3")], "evaluate.importance: must be 0 for similarity"),
        (pairs(50), [("slices: []", "threshold: f1")], "evaluate.threshold: must be none for similarity"),
        (pairs(50), [("left: left_", "left: l_")], "got none that begins with 'l_'"),
        (pairs(50), [("left: left_", "left: ''")], "prepare.pairs.left: must not be empty"),
        (
            pl.DataFrame({"left_a": ["x"] * 50, "right_a": ["x"] * 50, "match": [0, 1] * 25}),
            [("ignore: [id]", "ignore: []")],
            "must differ among the train rows, got the same value in every column on both sides: a;",
        ),
    ],
)
def test_check_says_what_is_wrong(folder: Path, table: pl.DataFrame, edits: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(InputError) as caught:
        check(write_params(folder, table, *edits))
    assert any(says in problem for problem in caught.value.problems), caught.value.problems


def test_the_tower_is_for_pairs_alone(folder: Path) -> None:
    table = pl.DataFrame({"x": np.arange(50.0), "match": np.arange(50.0) ** 2})
    edits = [
        ("task: similarity", "task: regression"),
        ("ignore: [id]", "ignore: []"),
        ("loss: hinge_embedding", "loss: auto"),
    ]
    with pytest.raises(InputError) as caught:
        check(write_params(folder, table, *edits))
    assert any(
        "model.name: must be tower for similarity and only then, got tower for regression" in p
        for p in caught.value.problems
    )


def test_the_command_line_lists_embed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "embed" in capsys.readouterr().out
