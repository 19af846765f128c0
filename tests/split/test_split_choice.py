"""`split.method: auto`: the column named `split`, else what suits the task."""

from typing import Any

import polars as pl
import pytest

from relight.data.schema import Column, ColumnKind, Schema, Task
from relight.errors import InputError
from relight.split.assignment import Assigned, assign_by_choice, resolve_split
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


def assigned(table: pl.DataFrame, task: Task, **asked: Any) -> Assigned:
    known = schema(task, **dict.fromkeys(table.columns, "categorical")).model_copy(update={"rows": table.height})
    given = {"method": "auto", "column": None, "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 3, **asked}
    return assign_by_choice(SplitParams.model_validate(given), table, known)


def test_rare_classes_are_split_at_random_and_said() -> None:
    table = pl.DataFrame({"y": [*["a", "b"] * 20, "rare"]})
    found = assigned(table, "multiclass")
    assert found.choice == "split.method: auto chose random: class 'rare' has 1 row, too few for every part."
    assert found.parts.tolist() == assigned(table, "multiclass", method="random").parts.tolist()
    with pytest.raises(InputError, match=r"class 'rare' has 1 row, too few for every part; use method: random"):
        assigned(table, "multiclass", method="stratified")
    folds = assigned(table, "multiclass", folds=5)
    assert folds.choice == "split.method: auto chose random: class 'rare' has 1 row, too few for 5 folds."


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "TESTING")])
def test_validation_is_cut_from_train_if_a_column_names_none(names: tuple[str, str]) -> None:
    parts = [names[k % 4 == 0] for k in range(80)]
    table = pl.DataFrame({"split": parts, "y": [0.0] * 80})
    found = assigned(table, "regression")
    assert [int((found.parts == part).sum()) for part in range(3)] == [45, 15, 20]  # a quarter of the 60 train rows
    assert [name == names[1] for name in parts] == (found.parts == 2).tolist()
    said = "Column 'split' names no validation rows: 15 train rows, drawn by split.seed, validate."
    assert found.choice.endswith(said)
    assert found.parts.tolist() == assigned(table, "regression").parts.tolist()
    assert found.parts.tolist() != assigned(table, "regression", seed=4).parts.tolist()
    assert not (assigned(table, "regression", validation=0.0, test=0.4).parts == 1).any()


@pytest.mark.parametrize(
    ("name", "flags"),
    [("is_test", ["False", "True"]), ("test", ["0", "1"]), ("is_train", ["1.0", "0.0"]), ("Train", ["true", "false"])],
)
def test_a_flag_names_train_and_test_by_the_name_of_its_column(name: str, flags: list[str]) -> None:
    table = pl.DataFrame({name: flags * 10, "y": [0.0] * 20})
    found = assigned(table, "regression", method="column", column=name, validation=0.0, test=0.4)
    assert found.parts.tolist() == [0, 2] * 10
