from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from relight.errors import InputError
from relight.runtime.files import read_format, read_json, read_model, write_json


class Parts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: dict[str, int]


class Score(BaseModel):
    value: float


def test_keys_are_sorted_and_the_last_line_ends(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": {"z": "é", "y": [1.5, None]}})
    expected = '{\n "a": {\n  "y": [\n   1.5,\n   null\n  ],\n  "z": "é"\n },\n "b": 1\n}\n'
    assert (tmp_path / "a.json").read_bytes() == expected.encode()


def test_the_order_of_the_keys_changes_no_byte(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1, "b": {"c": 2, "d": 3}})
    write_json(tmp_path / "b.json", {"b": {"d": 3, "c": 2}, "a": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("content", [dict, Score])
def test_what_is_no_number_is_refused_and_nothing_is_written(value: float, content: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_json(tmp_path / "a.json", content(value=value))
    assert not (tmp_path / "a.json").exists()


def test_a_model_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = Parts(rows={"train": 40, "test": 10})
    write_json(tmp_path / "a.json", written)
    assert read_model(tmp_path / "a.json", Parts) == written


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0])
def test_a_number_reads_back_to_the_last_bit(value: float, tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"value": value})
    assert repr(read_json(tmp_path / "a.json")["value"]) == repr(value)


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json: cannot be read: No such file or directory; run `dvc repro` or"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"{'a': 1}"])
def test_a_file_that_is_not_json_is_refused_with_the_next_step(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: is not JSON \(.*\); run `dvc checkout` or `dvc repro`"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"rows": {"train": "many"}}', r"rows\.train: Input should be a valid integer"),
        ('{"rows": {}, "colour": 1}', "colour: Extra inputs are not permitted"),
        ("{}", "rows: Field required"),
        ("[]", "the whole: Input should be a valid dictionary"),
    ],
)
def test_json_of_another_shape_is_refused_with_the_place(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=rf"a\.json: {said}.*; run `dvc checkout` or `dvc repro`"):
        read_model(tmp_path / "a.json", Parts)


@pytest.mark.parametrize("content", ['{"rows": {}}', '{"rows": {}, "format": 1}', '{"rows": {}, "format": "2"}', "[2]"])
def test_what_another_relight_wrote_is_for_that_relight(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json: must be of format 2, got .*; use the Relight that made it"):
        read_format(tmp_path / "a.json", Parts, 2)


def test_the_format_that_is_asked_for_is_read(tmp_path: Path) -> None:
    class Made(Parts):
        format: int

    write_json(tmp_path / "a.json", {"rows": {"train": 3}, "format": 2})
    assert read_format(tmp_path / "a.json", Made, 2) == Made(rows={"train": 3}, format=2)
