from relight.domain.features import CategoricalFeature, Features, NumericFeature


def test_names_are_the_numbers_then_the_categories() -> None:
    features = Features(
        task="regression",
        target="y",
        classes=None,
        numeric=[NumericFeature(name=name, kind="numeric", mean=0, std=1, gaps=0) for name in ("b", "a")],
        categorical=[CategoricalFeature(name="c", levels=["u"])],
        target_mean=0.0,
        target_std=1.0,
        n_train=1,
        test_rows_validate=True,
    )
    assert features.names == ["b", "a", "c"]
