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
