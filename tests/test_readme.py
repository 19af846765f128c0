"""The READMEs are right. tests/test_translations.py compares them."""

import re
import shutil
from pathlib import Path

import pytest

from tests.closure import REPOSITORY
from tests.documents import commands
from tests.repositories import Repository

ENGLISH = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CHINESE = (REPOSITORY / "README.zh-CN.md").read_text(encoding="utf-8")
USE = [(REPOSITORY / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("results", "export")]
RUN_HERE = ("relight ", "dvc ")
NOT_HERE = ("dvc repro", "dvc remote modify storage url /mnt", "relight data")  # the fixtures do these


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_it_is_read_in_one_sitting(text: str) -> None:
    assert len(text.splitlines()) <= 200


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_every_link_leads_to_a_file(text: str) -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert len(targets) > 8
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


@pytest.mark.parametrize(("text", "ending"), [(ENGLISH, ".md"), (CHINESE, ".zh-CN.md")], ids=["English", "Chinese"])
def test_the_readme_leads_to_every_page_of_its_language(text: str, ending: str) -> None:
    pages = {page.name for page in (REPOSITORY / "docs").glob(f"*{ending}")}
    if ending == ".md":
        pages = {name for name in pages if not name.endswith(".zh-CN.md")}
    assert {f"docs/{name}" for name in pages} <= set(re.findall(r"\]\(([^)#]+)\)", text))


def test_the_page_of_recipes_has_them_all() -> None:
    page = (REPOSITORY / "docs/recipes.md").read_text(encoding="utf-8")
    recipes = {recipe.stem for recipe in (REPOSITORY / "recipes").glob("*.yaml")} - {"sweep"}
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == recipes


def test_the_commands_of_the_readme_run(repository: Repository, home: Path) -> None:
    """They run in order, on the table that the README predicts; then those of the pages about results and export."""
    shutil.copy(repository.root / "recipes/penguins.yaml", repository.root / "params.yaml")
    repository.repro()
    assert repository.run("git", "add", "-A").returncode == 0
    assert repository.run("git", "commit", "-qm", "penguins").returncode == 0
    lines = dict.fromkeys(line for text in (ENGLISH, *USE) for line in commands(text))
    wanted = [line for line in lines if line.startswith(RUN_HERE) and not line.startswith(NOT_HERE)]
    assert len(wanted) >= 11
    for line in wanted:
        done = repository.run("bash", "-c", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert "WARNING" not in done.stderr, f"{line}\n{done.stderr}"
    assert (home / ".local/share/relight/remote/files").is_dir()
    assert len((repository.root / "predictions.csv").read_text().splitlines()) == 345
