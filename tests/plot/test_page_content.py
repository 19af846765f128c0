from typing import Any

from relight.plot.content import shared_content

NUMBER = {"name": "x", "column": "x", "kind": "numeric", "date_part": None, "mean": 1.5, "std": 0.5, "gaps": 2}
DESCRIPTION: dict[str, Any] = {
    "model": {"name": "tabm", "numeric": "standardize"},
    "model_choice": "auto chose tabm for 3 train rows.",
    "loss": "mse",
    "target_scale": "log",
    "batch_size": 32,
    "seeds": 3,
    "epochs": 9,
    "best_epoch": 4,
    "versions": {"python": "3"},
    "features": {
        "task": "regression",
        "target": "y",
        "numeric": [
            {**NUMBER, "low": 1.0, "high": 2.0},
            {**NUMBER, "name": "same", "column": "same", "low": 1.0, "high": 1.0, "std": 0.0, "gaps": 0},
            {**NUMBER, "name": "d.year", "column": "d", "kind": "datetime", "date_part": "year", "low": 0, "high": 1},
            {
                **NUMBER,
                "name": "d.elapsed",
                "column": "d",
                "kind": "datetime",
                "date_part": "elapsed",
                "low": 0,
                "high": 1,
            },
        ],
        "categorical": [{"name": "c", "levels": list("abcdefg")}],
    },
}
SCHEMA = {
    "rows": 6,
    "notes": ["of prepare"],
    "columns": [
        {"name": name, "kind": kind}
        for name, kind in (
            ("x", "numeric"), ("same", "numeric"), ("d", "datetime"), ("c", "categorical"), ("id", "ignored"),
        )
    ],
}  # fmt: skip
PARTS = {"rows": {"train": 4, "validation": 0, "test": 2}, "notes": ["of split"]}
SCORES: dict[str, Any] = {"train": {"mae": 1.0}, "validation": {}, "test": {"mae": 2.0}, "baseline": {"test": {}}}


def content(**changes: object) -> dict[str, Any]:
    return shared_content({**DESCRIPTION, **changes}, SCHEMA, PARTS, SCORES, ["of evaluate"], "a.csv")


def test_the_choices_say_what_auto_meant_and_what_the_model_does_not_see() -> None:
    assert content()["choices"] == [
        ("model", "tabm (auto chose tabm for 3 train rows)"),
        ("loss", "mse"),
        ("target", "its logarithm is learned"),
        ("numbers", "standardize"),
        ("batch size", "32"),
        ("seeds", "3 models, their predictions averaged"),
        ("ignored", "id"),
        ("dropped", "same: the same value in every train row"),
    ]


def test_choices_that_were_not_made_are_left_out() -> None:
    classes = {**DESCRIPTION["features"], "task": "binary", "numeric": []}
    names = [name for name, _ in content(model_choice="", seeds=1, features=classes)["choices"]]
    assert names == ["model", "loss", "numbers", "batch size", "ignored"]
    assert content(model_choice="")["choices"][0] == ("model", "tabm")


def test_each_column_is_described_by_the_train_rows() -> None:
    assert {column["name"]: column["says"] for column in content()["columns"]} == {
        "x": "mean 1.5, std 0.5, 2 gaps",
        "same": "the same value in every row",
        "d": "as year, elapsed, 2 gaps",
        "c": "7 levels: a, b, c, d, e, f, ...",
        "id": "not seen by the model",
    }


def test_the_mean_of_a_large_number_is_that_of_the_table() -> None:
    """The statistics are those of the number minus its offset."""
    large = {**NUMBER, "mean": 40.75, "std": 2014.0, "gaps": 0, "offset": 1748003533.0}
    features = {**DESCRIPTION["features"], "numeric": [{**large, "low": -3527.0, "high": 3600.0}]}
    (x,) = (column["says"] for column in content(features=features)["columns"] if column["name"] == "x")
    assert x == "mean 1748003573.75, std 2014"


def test_notes_of_all_stages_are_joined() -> None:
    page = content()
    assert page["notes"] == ["of prepare", "of split", "of evaluate"]
    assert page["parts"] == "4 train, 2 test"
    assert page["training"] == "9 epochs, the weights of epoch 4 kept."
    assert (page["references"], page["threshold"], page["seeds"]) == (None, None, None)
