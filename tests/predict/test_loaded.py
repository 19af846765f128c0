"""A model in Python predicts what the command writes, bit for bit, for each kind of data and each kind of frame."""

import io
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest
import torch

import relight
from relight.errors import InputError
from relight.predict.loaded import LoadedModel
from relight.predict.predict import predict
from tests.trained_kinds import KINDS, TrainedKind, train_kind

pytestmark = pytest.mark.filterwarnings("ignore:.* categories were missing or unknown")  # cities with a gap


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedKind:
    return train_kind(tmp_path_factory.mktemp(request.param), KINDS[request.param])


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> TrainedKind:
    return train_kind(tmp_path_factory.mktemp("houses"), KINDS["table"])


def written(trained: TrainedKind, *, keep: tuple[str, ...] = ()) -> str:
    """Return the bytes of the command."""
    output = trained.models / "out.csv"
    predict(trained.table, models=trained.models, output=output, keep=keep)
    return output.read_text()


def test_the_same_numbers_as_the_command_for_files_and_frames(trained: TrainedKind) -> None:
    model, expected = relight.load(trained.models), written(trained)
    assert expected.splitlines()[0].split(",") == trained.kind.outputs
    for rows in (trained.table, str(trained.table), trained.kind.table, pl.read_csv(trained.table, infer_schema=False)):
        assert model.predict(rows).write_csv() == expected


def test_the_same_numbers_for_a_frame_of_pandas(trained: TrainedKind) -> None:
    pd: Any = pytest.importorskip("pandas")
    model, expected = relight.load(trained.models), written(trained)
    assert model.predict(pd.read_csv(trained.table)).write_csv() == expected
    as_objects = pd.DataFrame({column.name: column.to_list() for column in trained.kind.table})
    assert model.predict(as_objects).write_csv() == expected


def test_columns_are_kept_in_front(trained: TrainedKind) -> None:
    model, keep = relight.load(trained.models), trained.kind.keep
    expected = written(trained, keep=(keep,))
    assert expected.splitlines()[0].split(",") == [keep, *trained.kind.outputs]
    table = pl.read_csv(io.StringIO(expected), infer_schema=False)
    assert table.drop(keep).write_csv(quote_style="necessary") == written(trained)
    assert model.predict(trained.table, keep=[keep, keep]).write_csv() == expected
    assert model.predict(trained.table, keep=keep).write_csv() == expected


def test_each_column_to_keep_belongs_to_its_line(trained: TrainedKind) -> None:
    table = relight.load(trained.models).predict(trained.table, keep=trained.kind.keep)
    kept = table[trained.kind.keep].to_list()
    if "id" in trained.kind.outputs:
        assert kept == [f"o{int(name[1:]) // 2}" for name in table["id"]]
    elif "shop" in trained.kind.outputs:
        assert list(zip(table["shop"], kept, strict=True)) == [("a", "bonn")] * 3 + [("b", "ulm")] * 3
    else:
        assert kept == [str(value) for value in trained.kind.table[trained.kind.keep]]


def test_a_column_to_keep_that_is_missing_or_taken_is_named(trained: TrainedKind) -> None:
    model, taken = relight.load(trained.models), trained.kind.outputs[-1]
    wrong = trained.kind.keep + "s"
    with pytest.raises(InputError) as refusal:
        model.predict(trained.table, keep=[wrong, "?"])
    assert refusal.value.problems[0].startswith(f"keep: '{wrong}' is not a column of {trained.table}; did you mean '")
    assert len(refusal.value.problems) == 2
    with pytest.raises(InputError) as refusal:
        model.predict(trained.kind.table.with_columns(pl.lit(1).alias(taken)), keep=taken)
    assert refusal.value.problems == (
        f"keep: '{taken}' is a column of the predictions as well; rename it in the table",
    )


COLUMNS = {
    "table": {"area": "numeric", "garden": "boolean", "built": "datetime", "city": "categorical"},
    "ranking": {
        "query": "query",
        **dict.fromkeys(["x0", "x1", "x2", "x3", "level"], "numeric"),
        "kind": "categorical",
    },
    "sequences": {"id": "id", "t": "time", "x": "numeric"},
    "series": {"day": "time", "shop": "series", "sold": "numeric", "rain": "numeric"},
    "pairs": {
        f"{side}_{name}": kind
        for side in ("left", "right")
        for name, kind in {
            "house": "numeric", "height": "numeric", "member": "boolean", "born": "datetime", "place": "categorical",
            "name": "text",
        }.items()
    },
}  # fmt: skip


def test_the_columns_that_it_reads_are_all_that_it_needs(trained: TrainedKind) -> None:
    model = relight.load(trained.models)
    kind = next(name for name, kind in KINDS.items() if kind is trained.kind)
    assert {column.name: column.kind for column in model.columns} == COLUMNS[kind]
    rows = trained.kind.table.select(list(COLUMNS[kind]))
    assert model.predict(rows).write_csv() == written(trained)
    for name in COLUMNS[kind]:
        with pytest.raises(InputError, match=f"'{name}'"):
            model.predict(rows.drop(name))


def test_levels_are_those_of_the_train_rows(houses: TrainedKind) -> None:
    levels = {column.name: column.levels for column in relight.load(houses.models).columns}
    assert levels["city"] == ["bonn", "kiel", "ulm", ""]  # some train rows have no city
    assert levels["area"] is None


def test_what_it_says_of_itself(houses: TrainedKind) -> None:
    model = relight.load(houses.models)
    said = model.describe()
    assert {key: said[key] for key in ("task", "target", "classes", "model", "loss", "train_rows", "epochs")} == {
        "task": "regression", "target": "price", "classes": None, "model": "mlp", "loss": "mse", "train_rows": 90,
        "epochs": 2,
    }  # fmt: skip
    assert "torch" in said["versions"]
    assert repr(model) == "<mlp: regression of price from 4 columns>"


def test_the_module_reads_raw_columns(houses: TrainedKind) -> None:
    """A number in its own unit, a code of the levels (0: unknown), and the price comes out."""
    model = relight.load(houses.models)
    row = pl.DataFrame({"area": [120.5], "city": ["kiel"], "garden": [True], "built": [None]})
    with pytest.warns(UserWarning, match="1 numbers are missing in columns without gaps in training"):
        expected = model.predict(row)["prediction"].to_list()
    numeric = torch.tensor([[120.5, 1.0, *[torch.nan] * 4]])
    with torch.inference_mode():
        assert model.module(numeric, torch.tensor([[2]], dtype=torch.int32)).flatten().tolist() == expected


def test_what_no_train_row_had_is_a_warning(houses: TrainedKind) -> None:
    rows = houses.kind.table.with_columns(city=pl.lit("rome"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        relight.load(houses.models).predict(rows)
    assert [str(warning.message) for warning in caught] == [
        "150 categories were missing or unknown; 150 of 150 values of 'city' are unknown, such as 'rome' (the train "
        "rows have bonn, kiel, ulm): are they written otherwise?"
    ]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (None, "predict: must be given a path, a DataFrame of Polars or pandas, or arrays by name, got NoneType"),
        ([1], "predict: must be given a path, a DataFrame of Polars or pandas, or arrays by name, got list"),
        (pl.DataFrame({"area": []}), "the frame: has columns but no rows"),
        (pl.DataFrame({"Area": [1.0]}), "the frame: column 'area' is missing; did you mean 'Area'?"),
        ({"area": [1]}, "the frame: column 'area' must be a NumPy array, got list; make one with np.asarray"),
        ("no.csv", "no.csv: no such file"),
        ("a.yaml", "a.yaml: must be a table (.csv, .tsv, .parquet, or a folder of them)"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(houses: TrainedKind, rows: Any, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        relight.load(houses.models).predict(rows)
    assert refusal.value.problems[0].startswith(said)


def test_threads_and_two_models_at_once_get_the_same_numbers(
    houses: TrainedKind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = train_kind(tmp_path_factory.mktemp("walks"), KINDS["sequences"])
    work = [(relight.load(each.models), each.kind.table, written(each)) for each in (houses, other)] * 8

    def predicted(job: tuple[LoadedModel, pl.DataFrame, str]) -> bool:
        return job[0].predict(job[1]).write_csv() == job[2]

    with ThreadPoolExecutor(4) as executor:
        assert all(executor.map(predicted, work))


def test_settings_of_torch_stay_those_of_the_notebook(houses: TrainedKind) -> None:
    torch.set_num_threads(2)
    torch.set_deterministic_debug_mode("default")
    relight.load(houses.models).predict(houses.kind.table)
    assert torch.get_num_threads() == 2
    assert torch.get_deterministic_debug_mode() == 0
    torch.set_deterministic_debug_mode("warn")
    with pytest.raises(InputError):
        relight.load(houses.models).predict(pl.DataFrame({"x": [1]}))
    assert torch.get_deterministic_debug_mode() == 1


def test_the_models_are_looked_for_in_the_project(houses: TrainedKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(houses.models.parent)
    expected = written(houses)
    for model in (relight.load(houses.models.name), relight.load(".", project=houses.models.name)):
        assert model.predict(houses.table).write_csv() == expected
    with pytest.raises(InputError, match=r"elsewhere/models/model.json: cannot be read"):
        relight.load(project="elsewhere")


def test_relight_alone_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import relight; "
        "assert 'load' in dir(relight); "
        "print([name for name in {*sys.modules} - before if name[:5] in ('relig', 'torch', 'polar', 'numpy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['relight']"
    with pytest.raises(AttributeError, match="module 'relight' has no attribute 'lode'"):
        _ = relight.lode  # type: ignore[attr-defined]
