"""Commands on the pages of docs/ are those that the programs take. Most pages are also walked through by a
test of their own; here no command of any page may be forgotten."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
from dvc.cli import parse_args
from dvc.cli.parser import DvcParserError

from relight import cli
from tests.closure import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def typed(page: Path) -> list[list[str]]:
    """The words of each line of a bash block, after `VARIABLE=value`; what is piped is another line."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(part, comments=True) for line in lines for part in re.split(r" \| | && ", line)]
    return [[word for word in each if not re.match(r"[A-Z_]+=", word)] for each in words]


def anchors(page: Path) -> set[str]:
    """Return the anchors as GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_leads_to_a_heading_or_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in ((path, anchor) for path, anchor in links if "://" not in path):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "log"], ids=lambda page: page.name)
def test_every_file_of_code_that_a_page_names_is_there(page: Path) -> None:
    """Below the root of the repository, or below src/relight."""
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text(encoding="utf-8")))
    roots = (REPOSITORY, REPOSITORY / "src/relight")
    assert [path for path in sorted(named) if not any((root / path).is_file() for root in roots)] == []


def test_each_promise_of_security_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| .* \| (`.+) \|$", (REPOSITORY / "docs/security.md").read_text("utf-8"), re.MULTILINE)
    held = [name for row in rows if ".py" in row and "test_" in row for name in re.findall(r"`([^`]+)`", row)]
    assert len(held) > 20
    path = ""
    for name in held:
        path = name.split("::")[0] or path
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        assert f"def {name.split('::')[1]}(" in text if "::" in name else text


def test_the_page_of_the_house_has_every_folder() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (REPOSITORY / "src/relight").glob("*/__init__.py")}
    rows = "".join(re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE))
    assert folders == set(re.findall(r"`(\w+)/`", rows))


def test_the_pages_have_commands() -> None:
    assert sum(len(typed(page)) for page in PAGES) > 80


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_relight_takes_each_command(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(cli, "run_for_exit_code", lambda _run, name, **_left: taken.append(name) or 0)
    wanted = [words[1:] for words in typed(page) if words[:1] == ["relight"]]
    for words in wanted:
        try:
            cli.main(words)
        except SystemExit:
            pytest.fail(f"{page.name}: relight {shlex.join(words)}")
    assert len(taken) == len(wanted)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_dvc_takes_each_command(page: Path) -> None:
    for words in (words[1:] for words in typed(page) if words[:1] == ["dvc"]):
        try:
            assert isinstance(parse_args(words), argparse.Namespace)
        except (DvcParserError, SystemExit):
            pytest.fail(f"{page.name}: dvc {shlex.join(words)}")
