from pathlib import Path

import pytest

from relight.errors import InputError
from relight.params import assert_sections, check_sections
from relight.runtime.strict_yaml import parse_yaml
from tests.bad_inputs import PARAMS, edited


def test_good_params_have_no_problems() -> None:
    sections = check_sections(parse_yaml(PARAMS, "params.yaml"))
    assert sections.problems == []
    assert sections.train.params is not None
    assert sections.train.params.epochs == 2


def test_the_problems_of_all_sections_are_told_at_once() -> None:
    spoilt = edited("dpi: 150", "dpi: 1", edited("seed: 42\nmodel", "seed: -1\nmodel")) + "zz: {}\n"
    with pytest.raises(InputError) as caught:
        assert_sections(parse_yaml(spoilt, "params.yaml"))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "split.seed",
        "plot.dpi",
        "section zz is unknown; known are prepare, split, model, train, evaluate, plot",
    ]


OWN = "post: {share: 0.1}\n"
OWN_STAGE = "stages:\n  post: {cmd: python post.py, params: [post, train.seed]}\n"


def unknown(params: str) -> list[str]:
    return check_sections(parse_yaml(params, "params.yaml")).unknown


def test_a_section_that_a_stage_of_dvc_yaml_names_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = PARAMS.count("\n") + 1
    known = "known are prepare, split, model, train, evaluate, plot"
    assert unknown(PARAMS + OWN) == [f"params.yaml:{place}: section post is unknown; did you mean plot?"]
    Path("dvc.yaml").write_text(OWN_STAGE)
    assert unknown(PARAMS + OWN) == []
    assert unknown(PARAMS + OWN + "zz: {}\n") == [
        f"params.yaml:{place + 1}: section zz is unknown; {known}, post (if a stage of yours reads it, name "
        "it under the `params` of that stage in dvc.yaml)"
    ]


@pytest.mark.parametrize(
    ("typo", "meant"), [("trian", "train"), ("pst", "post"), ("evaluat", "evaluate"), ("Post", "post")]
)
def test_a_typo_is_found_next_to_an_own_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typo: str, meant: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(OWN_STAGE)
    (problem,) = unknown(PARAMS + OWN + f"{typo}: {{}}\n")
    assert f"section {typo} is unknown; did you mean {meant}? (if a stage" in problem


def test_a_typo_in_the_place_of_a_section_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(OWN_STAGE)
    problems = check_sections(parse_yaml(edited("train:\n  seed", "trian:\n  seed") + OWN, "params.yaml")).problems
    assert any("section train is missing; did you mean trian?" in problem for problem in problems)
    assert any("section trian is unknown; did you mean train?" in problem for problem in problems)


def test_a_dvc_yaml_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: &all {}\n")
    assert unknown(PARAMS + OWN) == ["dvc.yaml:1: anchors and aliases (& and *) are not read; write the value out"]
