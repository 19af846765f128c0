"""docs/reference.md is what `relight reference` prints, and says of every setting what it does."""

import re
from typing import get_args

import pytest
import yaml

from relight.cli import main
from relight.commands.reference import FILES, SECTIONS, descriptions, reference
from relight.runtime.params import Section
from relight.train.params import TrainParams
from tests.closure import REPOSITORY

PAGE = (REPOSITORY / "docs/reference.md").read_text(encoding="utf-8")


def rows(page: str) -> dict[str, tuple[str, str, str]]:
    """Return the values, the default and the description of each setting."""
    found = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \| (.*?) \|$", page, re.MULTILINE)
    return {key: (values, default, text) for key, values, default, text in found}


def sections(section: type[Section]) -> list[type[Section]]:
    """Return the section and all that are in it."""
    annotations = [field.annotation for field in section.model_fields.values()]
    either = [option for annotation in annotations for option in (annotation, *get_args(annotation))]
    options = [getattr(option, "__origin__", option) for option in either]  # of one that may be a call
    inner = [option for option in options if isinstance(option, type) and issubclass(option, Section)]
    return [section, *(each for child in inner for each in sections(child))]


ALL = list({each: None for top in (*SECTIONS.values(), *FILES.values()) for each in sections(top)})


def keys_of(value: dict[str, object], path: str = "") -> list[str]:
    below = [
        key for name, inner in value.items() if isinstance(inner, dict) for key in keys_of(inner, f"{path}{name}.")
    ]
    return [*(f"{path}{name}" for name in value), *below]


def test_the_page_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference"]) == 0
    assert capsys.readouterr().out == PAGE, "run `relight reference > docs/reference.md`"


@pytest.mark.parametrize("section", ALL, ids=[section.__name__ for section in ALL])
def test_every_setting_says_what_it_does(section: type[Section]) -> None:
    texts = descriptions(section)
    assert list(texts) == list(section.model_fields)
    assert [name for name, text in texts.items() if len(text) < 10 or not text.endswith((".", "..."))] == []


def test_every_setting_of_every_recipe_is_on_the_page() -> None:
    recipes = [REPOSITORY / "params.yaml", *sorted((REPOSITORY / "recipes").glob("*.yaml"))]
    asked = {key for recipe in recipes for key in keys_of(yaml.safe_load(recipe.read_text(encoding="utf-8")))}
    assert len(asked) > 100
    assert asked - set(SECTIONS) - set(rows(PAGE)) == {key for key in asked if key.startswith("params.")}  # of a sweep


def test_no_section_is_left_out() -> None:
    assert list(SECTIONS) == list(yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8")))
    assert set(ALL) == {each for each in subclasses(Section) if each.__module__.startswith("relight.")}


def subclasses(section: type[Section]) -> list[type[Section]]:
    return [each for child in section.__subclasses__() for each in (child, *subclasses(child))]


def test_a_row_names_values_default_and_range() -> None:
    found = rows(reference())
    assert found["train.epochs"][:2] == ("whole number (≥ 1, ≤ 2,147,483,647)", "required")
    assert found["model.mlp_ple.dropout"][:2] == ("number (≥ 0, < 1)", "`0.1`")
    assert found["train.batch_size"][0] == "`auto`, `full` or whole number (≥ 1, ≤ 2,147,483,647)"
    assert found["train.gradient_clip"][:2] == ("number (> 0) or `null`", "`null`")
    assert found["train.compile"][:2] == ("`true` or `false`", "`false`")
    assert found["train.early_stopping"][:2] == ("[section](#trainearly_stopping) or `null`", "required")
    assert found["model.target"][:2] == ("`auto`, `none`, `standardize` or `log`", "`auto`")
    assert found["evaluate.references"][:2] == ("list of `linear` or `hist_gradient_boosting`", "`[]`")


def test_a_setting_that_is_changed_in_a_subclass_keeps_its_text() -> None:
    found = rows(reference())
    assert found["model.tabm_small.k"][1] == "`16`"
    assert (
        found["model.tabm_small.k"][2] == found["model.tabm.k"][2] == "Number of MLPs that share most of their weights."
    )


def test_a_text_goes_over_several_lines() -> None:
    assert "forecast l1, mse, huber; ranking listwise" in descriptions(TrainParams)["loss"]


def test_links_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {heading.lower().replace(".", "").replace("/", "") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
