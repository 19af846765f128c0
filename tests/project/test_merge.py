"""A new template merged into a file with changes of its own."""

from pathlib import Path
from typing import Any

import pytest

from relight.errors import InputError
from relight.project.merge import merge, plain
from relight.project.round_trip import dump_round_trip, load_round_trip, parse_round_trip

BASE = """\
# the head
stages:
  train:
    cmd: run  # how
    deps:
      - rows
      - script.py  # ours
    outs:
      - model
  plot:
    cmd: draw
    deps:
      - model
    outs:
      - page

# what others take
artifacts:
  model: {path: models}
plots:
  - loss:
      x: epoch
  - pictures
"""


def merged(own: str, new: str, base: str = BASE) -> tuple[str, list[str]]:
    """The text after the merge, and the notes."""
    content = parse_round_trip(own)
    notes = merge(content, plain(parse_round_trip(base)), parse_round_trip(new))
    path = Path("own.yaml")
    path.write_text(own, encoding="utf-8")
    return dump_round_trip(content, path), notes


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_that_is_as_it_was_written_becomes_the_new_template() -> None:
    new = (
        BASE.replace("cmd: run", "cmd: ran")
        .replace("      - rows\n", "      - rows\n      - more\n")
        .replace("x: epoch", "x: step")
        .replace("{path: models}", "{type: model, path: models}")
    )
    assert merged(BASE, new) == (new, [])


def test_the_same_template_changes_no_byte_whatever_is_own() -> None:
    own = BASE.replace("cmd: run", "cmd: mine").replace("- pictures", "- mine") + "own: 1   # spaces are kept\n"
    assert merged(own, BASE) == (own, [])


def test_own_stages_deps_keys_and_comments_are_kept() -> None:
    own = BASE.replace("      - rows\n", "      - rows\n      - src/houses  # my network\n").replace(
        "  plot:\n", "  # mine\n  post:\n    cmd: tell\n    params: [post]\n  plot:\n    frozen: true\n"
    )
    new = BASE.replace("      - rows\n", "      - rows\n      - more\n").replace("cmd: draw", "cmd: paint")
    text, notes = merged(own, new)
    assert text == own.replace("      - rows\n", "      - rows\n      - more\n").replace("cmd: draw", "cmd: paint")
    assert notes == []


def test_what_the_template_has_no_longer_goes_and_what_is_own_stays() -> None:
    own = BASE.replace("      - script.py", "      - mine\n      - script.py")
    new = (
        BASE.replace("      - rows\n", "").replace("  - pictures\n", "").replace("  model: {path: models}\n", "  {}\n")
    )
    text, notes = merged(own, new)
    assert plain(parse_round_trip(text)) == plain(
        parse_round_trip(new.replace("      - script.py", "      - mine\n      - script.py"))
    )
    assert "- script.py  # ours" in text
    assert notes == []


def test_what_was_removed_here_does_not_come_back() -> None:
    own = BASE.replace("      - page\n", "      - my page\n").replace("      - rows\n", "")
    assert merged(own, BASE.replace("cmd: draw", "cmd: paint")) == (own.replace("cmd: draw", "cmd: paint"), [])


def test_a_stage_that_was_removed_here_stays_away_and_a_new_one_comes() -> None:
    start, end = BASE.index("  plot:\n"), BASE.index("# what others take")
    own = BASE[:start] + BASE[end:]
    new = BASE.replace("  plot:\n", "  check:\n    cmd: look\n  plot:\n")
    text, notes = merged(own, new)
    stages = plain(parse_round_trip(text))["stages"]
    assert set(stages) == {"train", "check"}
    assert stages["check"] == {"cmd": "look"}
    assert notes == []


def test_a_change_on_both_sides_keeps_the_own_one_and_says_so() -> None:
    own = BASE.replace("cmd: run", "cmd: nice run").replace("x: epoch", "x: time")
    new = BASE.replace("cmd: run", "cmd: run --fast").replace("  - loss:\n      x: epoch\n", "")
    text, notes = merged(own, new)
    assert text == own
    assert notes == ["stages.train.cmd: was changed here, and is kept; Relight's is now run --fast"]
    gone = BASE.replace("  model: {path: models}\n", "  {}\n")
    text, notes = merged(BASE.replace("{path: models}", "{path: mine}"), gone)
    assert "{path: mine}" in text
    assert notes == ["artifacts.model: Relight has it no longer; it was changed here, and is kept"]


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    new = BASE.replace("cmd: run", "cmd: run --fast")
    assert merged(new, new) == (new, [])


@pytest.mark.parametrize("comment", ["", "  # of kept"])
@pytest.mark.parametrize("last", ["", "  # of page"])
def test_the_last_item_goes_without_the_lines_below_it(comment: str, last: str) -> None:
    """Ruamel keeps the lines above `artifacts` as a comment of the item above them."""
    base = BASE.replace("      - page\n", f"      - kept{comment}\n      - page{last}\n")
    new = base.replace(f"      - page{last}\n", "")
    assert merged(base, new, base) == (new, [])


def test_a_new_item_at_the_end_stands_above_the_comment_below() -> None:
    text, _ = merged(BASE, BASE.replace("      - page\n", "      - page\n      - card\n"))
    assert plain(parse_round_trip(text))["stages"]["plot"]["outs"] == ["card", "page"]
    assert text.index("card") < text.index("# what others take") < text.index("artifacts:")


def test_lists_without_indentation_and_long_lines_keep_their_form() -> None:
    own = "a:\n- one\n- 'two'\nb: \"x\"\n# " + "long " * 60 + "\nc: " + "word " * 60 + "end\n"
    text, _ = merged(own, "a: [one, two, three]\n", base="a: [one, two]\n")
    assert text == own.replace("- one\n", "- one\n- three\n") or text == own.replace("- 'two'\n", "- three\n- 'two'\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"dvc\.yaml: no such file in .*; run this in the folder of a project"),
        ("a: [", r"dvc\.yaml: cannot be read"),
        ("- a\n", r"dvc\.yaml: must be a mapping"),
        ("", r"dvc\.yaml: must be a mapping"),
        ("a: 1\na: 2\n", r"dvc\.yaml: cannot be read: .*"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(text: str | None, message: str) -> None:
    path: Any = Path("dvc.yaml")
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_round_trip(path)
