from relight.data.features import CategoricalFeature, DatePart, Features, NumericFeature


def number(name: str, moment: DatePart | None = None) -> NumericFeature:
    column = name.split(".")[0]
    kind = "datetime" if moment else "numeric"
    return NumericFeature.model_validate(
        {"name": name, "column": column, "kind": kind, "date_part": moment, "mean": 0.0, "std": 1.0}
        | {"low": -1.0, "high": 1.0, "quantiles": [], "gaps": 0}
    )


FEATURES = Features(
    task="regression",
    target="y",
    targets=["y"],
    weight=None,
    classes=None,
    numeric=[number("b"), number("t.year", "year"), number("t.month", "month"), number("a")],
    categorical=[CategoricalFeature(name="c", levels=["u"])],
    target_statistics=None,
    class_counts=None,
    n_train=1,
    validates_on_test=True,
)


def test_names_are_the_numbers_then_the_categories() -> None:
    assert FEATURES.names == ["b", "t.year", "t.month", "a", "c"]


def test_a_date_is_one_column_of_the_table() -> None:
    assert FEATURES.columns == ["b", "t", "a", "c"]
