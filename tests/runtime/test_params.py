from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from relight.data.schema import SequenceParams
from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.prepare.params import PairsParams, PrepareParams
from relight.runtime.params import Name, Section, check_document, check_section, read_section, unknown_sections
from relight.runtime.strict_yaml import parse_yaml
from relight.split.params import SplitParams


class Inner(Section):
    share: float = Field(ge=0, lt=1, examples=[0.5])


class Outer(Section):
    count: int = Field(gt=0, le=2**32 - 1, examples=[3])
    kind: Literal["round", "flat"] = Field(examples=["flat"])
    names: list[str] = Field(examples=[[]])
    inner: Inner | None = Field(examples=["null"])


WHOLE = "s:\n  count: 3\n  kind: flat\n  names: [a]\n  inner: {share: 0.5}\n"


def problems_of(text: str) -> tuple[str, ...]:
    return check_section(parse_yaml(text, "p.yaml"), "s", Outer).problems


def test_a_section_without_mistakes_becomes_its_model() -> None:
    params = read_section(parse_yaml(WHOLE, "p.yaml"), "s", Outer)
    assert params == Outer(count=3, kind="flat", names=["a"], inner=Inner(share=0.5))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("count: 3", "count: 0", "p.yaml:2: s.count: must be > 0, got 0"),
        ("count: 3", "count: 4294967296", "p.yaml:2: s.count: must be <= 4294967295, got 4294967296"),
        ("count: 3", "count: '3'", "p.yaml:2: s.count: must be a whole number, got the text '3'"),
        ("count: 3", "count: 3.0", "p.yaml:2: s.count: must be a whole number, got 3.0"),
        ("count: 3", "count: true", "p.yaml:2: s.count: must be a whole number, got true"),
        ("count: 3", "count: null", "p.yaml:2: s.count: must be a whole number, got null"),
        ("kind: flat", "kind: flatt", "p.yaml:3: s.kind: must be one of round, flat, got the text 'flatt'"),
        ("names: [a]", "names: a", "p.yaml:4: s.names: must be a list, got the text 'a'"),
        ("names: [a]", "names: [a, 2]", "p.yaml:4: s.names.1: must be a text, got 2; write '2' in quotes"),
        ("names: [a]", "names: [1e3]", "p.yaml:4: s.names.0: must be a text, got 1000.0; write '1e3' in quotes"),
        ("names: [a]", "names: [~]", "p.yaml:4: s.names.0: must be a text, got null; write the text in quotes"),
        ("share: 0.5", "share: .inf", "p.yaml:5: s.inner.share: must be a finite number, got inf"),
        ("share: 0.5", "share: 1", "p.yaml:5: s.inner.share: must be < 1, got 1"),
        ("{share: 0.5}", "0.5", "p.yaml:5: s.inner: must be a mapping, got 0.5"),
        ("share: 0.5", "shares: 0.5, share: 0", "p.yaml:5: s.inner.shares: is unknown; did you mean share?"),
        ("share: 0.5", "share: 0, zz: 1", "p.yaml:5: s.inner.zz: is unknown; known are share"),
        ("  count: 3\n", "", "p.yaml:1: s.count: is missing; add for example `count: 3`"),
        ("share: 0.5", "", "p.yaml:5: s.inner.share: is missing; add for example `share: 0.5`"),
    ],
)
def test_a_mistake_is_told_with_line_key_rule_and_value(old: str, new: str, problem: str) -> None:
    assert WHOLE.count(old) == 1
    assert problems_of(WHOLE.replace(old, new)) == (problem,)


def test_all_mistakes_are_told_at_once() -> None:
    spoilt = WHOLE.replace("count: 3", "count: x").replace("kind: flat", "kind: 1").replace("share: 0.5", "share: 2")
    with pytest.raises(InputError) as caught:
        read_section(parse_yaml(spoilt, "p.yaml"), "s", Outer)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["s.count", "s.kind", "s.inner.share"]


def test_a_missing_section_is_told_with_its_near_miss() -> None:
    document = parse_yaml("splitt: {}\n", "p.yaml")
    near = check_section(document, "split", Outer).problems
    far = check_section(document, "model", Outer).problems
    assert near == ("p.yaml: section split is missing; did you mean splitt?",)
    assert far == ("p.yaml: section model is missing; `relight reference` lists it",)


def test_sections_that_nobody_reads_are_told() -> None:
    document = parse_yaml("split: {}\nsplitt: {}\nzz: 1\n", "p.yaml")
    assert unknown_sections(document, ["split", "train"]) == [
        "p.yaml:2: section splitt is unknown; did you mean split?",
        "p.yaml:3: section zz is unknown; known are split, train",
    ]


def test_a_whole_file_can_be_one_model() -> None:
    assert check_document(parse_yaml("share: 0.25\n", "p.yaml"), Inner).params == Inner(share=0.25)
    assert check_document(parse_yaml("share: 2\n", "p.yaml"), Inner).problems == (
        "p.yaml:1: share: must be < 1, got 2",
    )


def test_a_long_value_is_shown_in_part() -> None:
    (problem,) = problems_of(WHOLE.replace("count: 3", f"count: {'x' * 500}"))
    assert problem == f"p.yaml:2: s.count: must be a whole number, got the text '{'x' * 47}..."  # 57 + 3 letters


class Example(Section):
    share: float
    count: int


@pytest.mark.parametrize(
    "changed",
    [
        {"share": float("nan")},
        {"share": float("inf")},
        {"share": True},
        {"share": "0.5"},
        {"count": 1.0},
        {"count": True},
        {"other": 1},
    ],
)
def test_a_section_takes_no_nan_no_other_type_and_no_unknown_key(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="1 validation error"):
        Example.model_validate({"share": 0.5, "count": 1, **changed})


def test_a_whole_number_is_a_number() -> None:
    assert Example(share=1, count=1).share == 1.0


def test_params_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example(share=0.5, count=1).count = 2  # type: ignore[misc]


class Columns(Section):
    target: Name | list[Name]
    ignore: list[Name] = Field(default=[])
    weight: Name | None = None
    epochs: int = 1
    inner: "Inside | None" = None


class Inside(Section):
    time: Name = Field(min_length=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target: 4", {"target": "4"}),
        ("target: [0, 1]", {"target": ["0", "1"]}),
        ("target: 007", {"target": "007"}),
        ("target: +1", {"target": "+1"}),
        ("target: 1.50", {"target": "1.50"}),
        ("target: 1e3", {"target": "1e3"}),
        ("target: .5", {"target": ".5"}),
        ("target: TRUE", {"target": "TRUE"}),
        ("target: [yes, No, on, 'null']", {"target": ["yes", "No", "on", "null"]}),
        ("target: y\n  ignore: [1, a, '2', false, 0x10]", {"ignore": ["1", "a", "2", "false", "0x10"]}),
        ("target: y\n  weight: 3\n  epochs: 3", {"weight": "3", "epochs": 3}),
        ("target: y\n  weight: null", {"weight": None}),
        ("target: y\n  weight: ~", {"weight": None}),
        ("target: y\n  inner: {time: 5}", {"inner": Inside(time="5")}),
    ],
)
def test_a_name_has_the_letters_of_the_file(text: str, expected: dict[str, Any]) -> None:
    params = read_section(parse_yaml(f"s:\n  {text}\n", "p.yaml"), "s", Columns)
    assert {key: getattr(params, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("section", "key", "text"),
    [
        *((PrepareParams, key, "4") for key in ("target", "weight", "query")),
        *((PrepareParams, key, "[4, 5]") for key in ("target", "ignore")),
        *((SequenceParams, key, "4") for key in ("id", "time", "symbols", "series")),
        (SequenceParams, "known", "[4, 5]"),
        *((PairsParams, key, "4") for key in ("left", "right")),
        (SplitParams, "column", "4"),
        (EvaluateParams, "slices", "[4, 5]"),
        (CsvParams, "missing", "[-999, 0]"),
    ],
)
def test_each_setting_that_names_columns_takes_names_that_are_numbers(
    section: type[Section], key: str, text: str
) -> None:
    problems = check_section(parse_yaml(f"s: {{{key}: {text}}}\n", "p.yaml"), "s", section).problems
    assert [problem for problem in problems if f" s.{key}" in problem] == []
    problems = check_section(parse_yaml(f"s: {{{key}: {{a: 4}}}}\n", "p.yaml"), "s", section).problems
    assert [problem for problem in problems if f" s.{key}" in problem] != []
