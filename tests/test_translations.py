"""Each document that there is in Chinese says the same as the English one."""

import re

import pytest

from tests.documents import CHINESE, TRANSLATIONS, Translation, commands, shape

PAIRS = pytest.mark.parametrize("pair", TRANSLATIONS, ids=[pair.english.stem for pair in TRANSLATIONS])


def test_the_readme_the_tutorial_and_the_way_to_the_pipeline_are_translated() -> None:
    assert {pair.english.name for pair in TRANSLATIONS} == {"README.md", "from-notebook-to-pipeline.md", "tutorial.md"}


@PAIRS
def test_both_languages_have_the_same_commands_and_the_same_shape(pair: Translation) -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in pair)
    assert commands(english) == commands(chinese)
    assert shape(english) == shape(chinese)


@PAIRS
def test_each_leads_to_the_other_above_its_first_section(pair: Translation) -> None:
    for page, other in (pair, pair[::-1]):
        head = page.read_text(encoding="utf-8").split("\n## ")[0]
        assert f"]({other.name})" in head


@PAIRS
def test_the_translation_leads_to_translations(pair: Translation) -> None:
    """A link to a page that there is in Chinese leads to it."""
    translated = {translation.english.resolve() for translation in TRANSLATIONS} - {pair.english.resolve()}
    targets = re.findall(r"\]\(([^)#]+)", pair.chinese.read_text(encoding="utf-8"))
    local = {(pair.chinese.parent / target).resolve() for target in targets if "://" not in target}
    assert local & translated == set()


@PAIRS
def test_the_translation_is_in_chinese(pair: Translation) -> None:
    """Each paragraph outside of code and tables has Chinese letters; a line that was forgotten has none."""
    text = re.sub(r"^ *```.*?^ *```", "", pair.chinese.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    paragraphs = [each.strip() for each in re.split(r"\n\s*\n", text) if each.strip() and not each.startswith("|")]
    foreign = [each for each in paragraphs if not re.search(r"[\u4e00-\u9fff]", each)]
    assert [each for each in foreign if each not in ("# Relight", f"[English]({pair.english.name})")] == []


def test_a_link_to_a_translation_counts_as_its_original() -> None:
    assert shape(f"[a](docs/tutorial{CHINESE})")["links"] == shape("[b](docs/tutorial.md)")["links"]


@pytest.mark.parametrize(
    "changed",
    [
        "# A\n\n| 1.5 | `b` |\n\n```python\nx = 2\n```\n",  # code
        "# A\n\n| 1.6 | `b` |\n\n```python\nx = 1\n```\n",  # a number in a table
        "# A\n\n| 1.5 | `c` |\n\n```python\nx = 1\n```\n",  # a name
        "## A\n\n| 1.5 | `b` |\n\n```python\nx = 1\n```\n",  # a heading
        "# A\n\n| 1.5 | `b` |\n\n```yaml\nx = 1\n```\n",  # a language
    ],
)
def test_what_differs_is_seen(changed: str) -> None:
    assert shape(changed) != shape("# A\n\n| 1.5 | `b` |\n\n```python\nx = 1\n```\n")
