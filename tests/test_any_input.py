"""Whatever stands in a table or in params.yaml: a result, or an error that is meant for a person."""

import copy
import csv
import io
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from relight.commands.check import check
from relight.data.index_columns import with_index_name
from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.prepare.csv import reader
from relight.prepare.csv.dialect import find_dialect
from relight.prepare.csv.reader import read_csv
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.runtime.strict_yaml import parse_yaml
from relight.split.params import SplitParams
from relight.split.split import split
from tests.bad_inputs import LINE, PARAMS

FOLDER = [HealthCheck.function_scoped_fixture]  # one folder for all examples: each writes its files anew
often = settings(deadline=None, derandomize=True, max_examples=300, suppress_health_check=FOLDER)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


def check_accepts() -> bool:
    """Return whether check has a result; if not, it says what is wrong. Any other exception ends the test."""
    try:
        said = [check(Path("params.yaml"))]
        accepted = True
    except InputError as error:
        said = list(error.problems)
        accepted = False
    assert said
    assert all(said)
    return accepted


# Tables

pieces = st.one_of(
    st.sampled_from(
        ['"', '""', ",", "\n", "\r\n", "\r", " ", "a", "1", "2.5", '"x\ny"', "\ufeff", "\0", "\u2028", "é"]
    ),
    st.text(max_size=2),
)
texts = st.lists(pieces, max_size=14).map("".join)
encoded = texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
files = st.one_of(
    encoded,
    encoded.map(lambda rows: b"a,b\n1,2\n" + rows),
    st.lists(st.one_of(encoded, st.binary(max_size=3)), max_size=4).map(b"".join),
)


@often
@given(files, st.sampled_from([1, 2, 3, 7, 1 << 24]))
def test_any_bytes_are_read_as_python_reads_them_or_refused(content: bytes, piece: int) -> None:
    path = Path("data/raw/table.csv")
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "PIECE_BYTES", piece)
        try:
            table = read_csv(path)
        except InputError:
            return
    dialect = find_dialect(path, CsvParams())
    text = content.decode(dialect.encoding).removeprefix("\ufeff").split("\n", dialect.n_before)[-1]
    header, *rows = (row for row in csv.reader(io.StringIO(text, newline=""), **dialect.csv_options) if row)
    n_columns = len(table.columns)
    assert with_index_name([name.strip() for name in header[:n_columns]]) == table.columns
    assert [[value or "" for value in row] for row in table.rows()] == [
        row[:n_columns] for row in rows[dialect.has_units :]
    ]
    assert {value for row in (header, *rows) for value in row[n_columns:]} <= {""}


names = st.sampled_from(["x", "y", "z", "g"])
values = st.one_of(
    st.sampled_from(
        ["", "1", "2", "0", "1.5", "1e400", "1e39", "inf", "nan", "NA", "true", "FALSE", "2020-01-01", "12:30"]
    ),
    st.sampled_from(
        ["00123", "1,5", "1.234,5", "a", "b", ".5", "5.", "+1", "-0", "١٢", "²", " 1 ", "1_0", "9" * 30, "\x85"]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=4),
)
columns = st.one_of(
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from([["1", "2", "3"], ["1.5", "2.5", "-3"], ["a", "b"], ["train", "test", "val"]]),
)


@st.composite
def near_tables(draw: st.DrawFn) -> str:
    """A CSV that is whole, with columns of a few different values each."""
    header = ["y", *draw(st.lists(st.sampled_from(["x", "z", "g"]), min_size=1, unique=True))]
    pools = [draw(columns) for _ in header]
    n_rows = draw(st.integers(1, 20))
    rows = [[draw(st.sampled_from(pool)) for pool in pools] for _ in range(n_rows)]
    return "\n".join(",".join(f'"{value.replace(chr(34), chr(34) * 2)}"' for value in row) for row in [header, *rows])


@st.composite
def fitting_params(draw: st.DrawFn) -> dict[str, Any]:
    """Params without a mistake in themselves."""
    params = copy.deepcopy(yaml.safe_load(PARAMS))
    params["prepare"]["task"] = draw(st.sampled_from(["auto", "regression", "binary", "multiclass"]))
    params["prepare"]["ignore"] = draw(st.lists(names, max_size=1))
    method = draw(st.sampled_from(["ordered", "random", "stratified", "group", "time", "column"]))
    column = draw(names) if method in ("group", "time", "column") else None
    params["split"].update(method=method, column=column)
    return params


@often
@given(near_tables(), fitting_params())
def test_what_check_accepts_prepare_and_split_can_do(table: str, params: dict[str, Any]) -> None:
    Path("data/raw/table.csv").write_text(table, encoding="utf-8", errors="replace", newline="")
    Path("params.yaml").write_text(yaml.safe_dump(params))
    if not check_accepts():
        return
    paths = {name: Path(name) for name in ("table", "schema", "train", "validation", "test", "features", "report")}
    source = Path(params["prepare"]["source"])
    prepare(PrepareParams(**params["prepare"]), source=source, table=paths["table"], schema=paths["schema"])
    split(SplitParams(**params["split"]), **paths)


# Params

words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["a" * 300, "a/" * 3000, "data", "/dev/null", "params.yaml", "data/raw/line.yaml", "x", "y", ".", "\0"]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([10**30, 10**400, -1, 0, 1, 2**31, 2**32, 1e308, 1e-45, 1e39]),
    words,
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=5,
)


def keys_of(mapping: dict[str, Any]) -> list[tuple[str, ...]]:
    found = [(key,) for key in mapping]
    return found + [
        (key, *below) for key, value in mapping.items() if isinstance(value, dict) for below in keys_of(value)
    ]


def replaced(mapping: dict[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    below = replaced(mapping[keys[0]], keys[1:], value) if len(keys) > 1 else value
    return {**mapping, keys[0]: below}


ON_A_LINE = replaced(yaml.safe_load(PARAMS), ("prepare", "source"), "data/raw/line.yaml")


def assert_result_or_error(params: Any, line: Any) -> None:
    for path, content in (("params.yaml", params), ("data/raw/line.yaml", line)):
        text = yaml.safe_dump(content, allow_unicode=True)
        Path(path).write_text(text, encoding="utf-8", errors="replace")
    check_accepts()


@often
@given(st.dictionaries(st.one_of(words, st.sampled_from(list(ON_A_LINE))), anything, max_size=4))
def test_any_mapping_as_params_gives_a_result_or_our_error(params: dict[str, Any]) -> None:
    assert_result_or_error(params, yaml.safe_load(LINE))


@often
@given(st.sampled_from(keys_of(ON_A_LINE)), anything)
def test_any_value_of_any_param_gives_a_result_or_our_error(keys: tuple[str, ...], value: Any) -> None:
    assert_result_or_error(replaced(ON_A_LINE, keys, value), yaml.safe_load(LINE))


@often
@given(st.sampled_from(keys_of(yaml.safe_load(LINE))), anything)
def test_any_value_of_a_line_gives_a_result_or_our_error(keys: tuple[str, ...], value: Any) -> None:
    assert_result_or_error(ON_A_LINE, replaced(yaml.safe_load(LINE), keys, value))


# YAML

marks = st.sampled_from([*"0123456789", *"+-._eExo~,:#'\"[]{}&*!|>%@`? \n\tabfnNyYT=<", "\x85", "\u2028", "\ufeff"])
parts_of_yaml = st.one_of(
    marks, st.sampled_from(["null", "true", "inf", "nan", "- ", "? ", ": ", "\n  ", "---", "\\x41"])
)
scraps = st.lists(parts_of_yaml, max_size=10).map("".join)
places = st.sampled_from(
    [
        "k: {}\n",
        "k: [{}]\n",
        "k: {{a: {}, b: 1}}\n",
        "{}: 1\n",
        "{}",
        "k:\n  {}\n",
        'k: "{}"\n',
        "k: '{}'\n",
        "k: |\n  {}\n",
    ]
)


@settings(deadline=None, derandomize=True, max_examples=1500)
@given(places, scraps)
def test_yaml_is_read_as_dvc_reads_it_or_refused(place: str, scrap: str) -> None:
    text = place.format(scrap)
    try:
        ours = parse_yaml(text, "params.yaml").value
    except InputError:
        return
    assert alike(ours, YAML(typ="safe", pure=True).load(text))


@often
@given(st.dictionaries(words, anything, max_size=4))
def test_a_mapping_that_pyyaml_wrote_is_read_as_dvc_reads_it_or_refused(mapping: dict[str, Any]) -> None:
    text = yaml.safe_dump(mapping)
    try:
        ours = parse_yaml(text, "params.yaml").value
    except InputError:
        return
    assert alike(ours, YAML(typ="safe", pure=True).load(text))


def alike(ours: Any, theirs: Any) -> bool:
    """Equal, and of equal types all the way down; NaN equals NaN."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(alike(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    return ours == theirs or (isinstance(ours, float) and math.isnan(ours) and math.isnan(theirs))
