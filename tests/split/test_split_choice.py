"""`split.method: auto`: the column named `split`, else what suits the task."""

import pytest

from relight.data.schema import Column, ColumnKind, Schema, Task
from relight.split.assignment import resolve_split
from relight.split.params import SplitParams

AUTO = SplitParams(method="auto", column=None, train=0.64, validation=0.16, test=0.2, seed=42)


def schema(task: Task, **kinds: ColumnKind) -> Schema:
    return Schema(
        rows=10,
        target="y",
        targets=["y"],
        weight=None,
        task=task,
        classes=None,
        columns=[Column(name=name, kind=kind) for name, kind in kinds.items()],
        generated=None,
        notes=[],
    )


@pytest.mark.parametrize("kind", ["categorical", "ignored"])
def test_a_column_named_split_names_the_parts(kind: ColumnKind) -> None:
    settled, why = resolve_split(AUTO, schema("binary", x="numeric", split=kind))
    assert (settled.method, settled.column) == ("column", "split")
    assert why == "split.method: auto chose column 'split': there is a column of that name."


@pytest.mark.parametrize(
    ("task", "method"), [("binary", "stratified"), ("multiclass", "stratified"), ("regression", "random")]
)
def test_without_one_the_task_decides(task: Task, method: str) -> None:
    settled, why = resolve_split(AUTO, schema(task, x="numeric", split="numeric"))  # numbers name no part
    assert (settled.method, settled.column) == (method, None)
    assert why == f"split.method: auto chose {method}: {task}."


def test_folds_deal_the_rows_anew() -> None:
    settled, _ = resolve_split(AUTO.model_copy(update={"folds": 5}), schema("binary", split="categorical"))
    assert settled.method == "stratified"


def test_a_given_method_is_left_alone() -> None:
    given = AUTO.model_copy(update={"method": "ordered"})
    assert resolve_split(given, schema("binary", split="categorical")) == (given, "")
