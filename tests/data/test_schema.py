from relight.data.schema import Column, Schema


def test_the_model_may_see_every_column_that_is_not_ignored() -> None:
    columns = [
        Column(name="id", kind="ignored"),
        Column(name="a", kind="numeric"),
        Column(name="b", kind="boolean"),
        Column(name="c", kind="categorical"),
    ]
    schema = Schema(
        rows=1,
        target="y",
        targets=["y"],
        weight=None,
        task="regression",
        classes=None,
        columns=[*columns, Column(name="d", kind="datetime")],
        generated=None,
        notes=[],
    )
    assert [column.name for column in schema.features] == ["a", "b", "c", "d"]
