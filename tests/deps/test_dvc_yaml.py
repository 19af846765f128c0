"""Lines are added to dvc.yaml, and every other byte stays: read back by DVC's own reader."""

import difflib
from io import StringIO

import pytest
from ruamel.yaml import YAML

from relight.deps.dvc_yaml import add_deps
from relight.errors import InputError
from tests.closure import REPOSITORY

ADDED = {"train": ["houses/networks.py", "src/houses/übung.py"]}


def value(text: str) -> dict:
    return YAML(typ="safe").load(StringIO(text))


def new_lines(old: str, new: str) -> list[str]:
    """Return the added lines; fails if any other line changed."""
    lines = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]
    assert [line for line in lines if line[0] == "-"] == []
    return [line[2:] for line in lines]


def test_lines_follow_the_last_dep_with_its_indentation() -> None:
    text = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    added = add_deps(text, {"train": ["houses/networks.py"], "evaluate": ["houses/metrics.py", "houses/networks.py"]})
    assert new_lines(text, added) == [
        "      - houses/networks.py",
        "      - houses/metrics.py",
        "      - houses/networks.py",
    ]
    assert value(added)["stages"]["train"]["deps"][-2:] == ["src/relight/train", "houses/networks.py"]
    assert value(added)["stages"]["evaluate"]["deps"][-1] == "houses/networks.py"


FORMS = {
    "indented": ("stages:\n  train:\n    cmd: x\n    deps:\n      - a\n    outs:\n      - b\n", "      - "),
    "not indented": ("stages:\n  train:\n    cmd: x\n    deps:\n    - a\n    outs:\n    - b\n", "    - "),
    "wide": ("stages:\n    train:\n        cmd: x\n        deps:\n            - a\n", "            - "),
    "with comments": (
        "# first\nstages:\n  train:\n    deps:  # it reads\n      - 'a'  # one\n\n      # after\n\n    cmd: \"x\"\n",
        "      - ",
    ),
    "at the end without a last line break": ("stages:\n  train:\n    cmd: x\n    deps:\n      - a", "      - "),
    "a mapping as the last dep": (
        "stages:\n  train:\n    cmd: x\n    deps:\n      - a:\n          files:\n            - b\n    outs: [c]\n",
        "      - ",
    ),
    "windows": ("stages:\r\n  train:\r\n    deps:\r\n      - a\r\n    cmd: x\r\n", "      - "),
    "a folded text before": (
        "stages:\n  train:\n    cmd: >\n      x\n      y\n    deps:\n      - a\n    desc: |\n      z\n\nplots: []\n",
        "      - ",
    ),
    "a long line and odd spaces": (
        f"stages:\n  train:\n    cmd:   {'x ' * 200}\n    deps:\n      -   a\n    meta: {{a:   1,b: '2'}}\n",
        "      - ",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_other_line_stays(form: str) -> None:
    text, start = FORMS[form]
    added = add_deps(text, ADDED)
    assert new_lines(text, added) == [start + path for path in ADDED["train"]]
    assert value(added)["stages"]["train"]["deps"] == [*value(text)["stages"]["train"]["deps"], *ADDED["train"]]
    assert added.count("\r\n") == text.count("\r\n") + (2 if "\r\n" in text else 0)


OTHER_FORMS = {
    "no deps": "stages:\n  train:\n    cmd: x  # why\n    outs:\n      - b\n",
    "no deps, and a folded command": "stages:\n  train:\n    cmd: >-\n      x\n      y\n\n    outs:\n      - b\n",
    "no deps, and a literal command at the end": "stages:\n  train:\n    cmd: |\n      x\n      y\n",
    "a list of commands": "stages:\n  train:\n    cmd:\n      - x\n      - y  # last\n",
    "an empty key": "stages:\n  train:\n    cmd: x\n    deps:\n    outs: [b]\n",
    "an empty key with a comment": "stages:\n  train:\n    deps: # none yet\n    cmd: x\n",
    "an empty list": "stages:\n  train:\n    cmd: x\n    deps: []  # none\n",
    "one line": "stages:\n  train:\n    cmd: x\n    deps: [a, 'b c']\n    outs: [d]\n",
    "one line with a last comma": "stages:\n  train:\n    cmd: x\n    deps: [a, b,]\n",
    "a list over lines": "stages:\n  train:\n    cmd: x\n    deps: [\n      a,  # one\n      b\n    ]\n",
    "a stage in one line": "stages:\n  train: {cmd: x, outs: [b]}\n",
    "a file in one line": "{stages: {train: {cmd: x, deps: [a]}}}\n",
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_every_form_gets_the_deps_and_keeps_its_comments(form: str) -> None:
    text = OTHER_FORMS[form]
    added = add_deps(text, ADDED)
    before, after = value(text), value(added)
    deps = before["stages"]["train"].pop("deps", None) or []
    assert after["stages"]["train"].pop("deps") == [*deps, *ADDED["train"]]
    assert after == before
    added_words = ", ".join(ADDED["train"])
    without = added.replace(f", {added_words}", "").replace(added_words, "")
    assert [line for line in text.splitlines() if "#" in line] == [line for line in without.splitlines() if "#" in line]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages:\n  evaluate:\n    cmd: x\n", "dvc.yaml: stage train is missing; "),
        ("stages:\n  train:\n", "dvc.yaml: stage train is missing; "),
        ("stages: {}\n", "dvc.yaml: stage train is missing; "),
        ("", "dvc.yaml: stage train is missing; "),
        ("stages: [\n", "dvc.yaml: is not valid YAML: "),
        (
            "stages:\n  train:\n    cmd: x\n    deps: ${deps}\n",
            "dvc.yaml: lines cannot be added without changing others; add them to deps by hand: train: houses/",
        ),
    ],
)
def test_what_cannot_be_added_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        add_deps(text, ADDED)
    assert str(error.value).startswith(said)
