import math
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.runtime.strict_yaml import MAX_YAML_BYTES, parse_yaml, read_yaml


def value_of(text: str) -> object:
    return parse_yaml(f"k: {text}\n", "p.yaml").value["k"]


def refusal_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "p.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),  # PyYAML alone: a text
        ("1e5", 100000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", -math.inf),
        ("017", 17),  # PyYAML alone: 15
        ("0o17", 15),  # 1 * 8 + 7
        ("0x1F", 31),  # 1 * 16 + 15
        ("-7", -7),
        ("no", "no"),  # PyYAML alone: false
        ("on", "on"),
        ("12:30:45", "12:30:45"),  # PyYAML alone: 45045 seconds
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("'1e-3'", "1e-3"),
        ('"null"', "null"),
        ("1e", "1e"),
        ("[1, two, 3.0]", [1, "two", 3.0]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_a_value_is_read_by_the_rules_of_yaml_1_2(text: str, value: object) -> None:
    read = value_of(text)
    assert (read, type(read)) == (value, type(value))


def test_nan_is_a_number() -> None:
    read = value_of(".nan")
    assert isinstance(read, float)
    assert math.isnan(read)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a: 1\nb: 2\na: 3\n", "p.yaml:3: a is given twice (first on line 1)"),
        ("s:\n  a: 1\n  a: 3\n", "p.yaml:3: s.a is given twice (first on line 2)"),
        ("a: &x 1\n", "p.yaml:1: anchors and aliases (& and *) are not read; write the value out"),
        ("a: 1\nb: *x\n", "p.yaml:2: anchors and aliases (& and *) are not read; write the value out"),
        ("a: !!str 1\n", "p.yaml:1: must have no tag, got tag:yaml.org,2002:str; write a plain value"),
        ("%YAML 1.1\n---\na: no\n", "p.yaml:1: lines that begin with % are not read; delete it"),
        ("a: 2020-01-31\n", "p.yaml:1: 2020-01-31 could be read in two ways; put it in quotes, or write it out"),
        ("a: 1_000\n", "p.yaml:1: 1_000 could be read in two ways; put it in quotes, or write it out"),
        ("<<: {a: 1}\n", "p.yaml:1: << could be read in two ways; put it in quotes, or write it out"),
        ("a: {b:[1]}\n", "p.yaml:1: a space must follow `b:`"),
        ("1: a\n", "p.yaml:1: a key must be a text, got 1; write '1' in quotes"),
        ("~: a\n", "p.yaml:1: a key must be a text, got ~; write '~' in quotes"),
        ("? \n: a\n", "p.yaml:1: a key must be a text, got nothing"),
        ("{a: 1}: b\n", "p.yaml:1: a key must be a text; put it in quotes"),
        ("a: 1\nb: x\u2028y\n", "p.yaml:2: has an invisible character (U+2028); delete it"),
        ("a: 1\n\tb: 1\n", "p.yaml:2:1: a tab cannot indent YAML; use spaces"),
        ("a: 1\n---\nb: 1\n", "p.yaml:2:1: but found another document"),
        ("- a\n", "p.yaml: must be a mapping of sections, got a list"),
        ("a\n", "p.yaml: must be a mapping of sections, got a single value"),
        ("# nothing\n", "p.yaml: must be a mapping of sections, got empty"),
        ("a: " + "[" * 2000, "p.yaml: is not YAML that can be read: nested too deeply"),
    ],
)
def test_what_could_mean_two_things_is_refused_with_its_line(text: str, refusal: str) -> None:
    assert refusal_of(text) == refusal


def test_a_key_in_quotes_may_touch_its_value_as_in_json() -> None:
    assert parse_yaml('{"a":[1]}', "p.yaml").value == {"a": [1]}


def test_each_key_knows_its_line_and_what_is_absent_stands_at_the_key_above() -> None:
    document = parse_yaml("s:\n  a: 1\n  t: {b: 2}\n", "p.yaml")
    assert document.location(("s", "a")) == "p.yaml:2"
    assert document.location(("s", "t", "b")) == "p.yaml:3"
    assert document.location(("s", "missing", "deep")) == "p.yaml:1"
    assert document.location(("other",)) == "p.yaml"


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(tmp_path / "p.yaml").value == {"a": 1}


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes("a: 1\nb: ü\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"p.yaml:2: is not UTF-8; save the file as UTF-8"):
        read_yaml(path)


def test_a_file_beyond_the_limit_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"[" * (MAX_YAML_BYTES + 1))
    with pytest.raises(InputError, match="must be at most 1000000 bytes, got 1000001"):
        read_yaml(path)


def test_a_missing_file_is_named_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        read_yaml(Path("p.yaml"))
    assert str(caught.value) == f"p.yaml: no such file in {tmp_path}"
