"""The pages about readers and about Python, with the real dvc: their code runs as it stands there."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from tests.closure import REPOSITORY
from tests.repositories import Repository, make_repository


def blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / f"docs/{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Penguins(NamedTuple):
    """
    Attributes:
        refused: what the first `dvc repro` said, before dvc.yaml named the reader's file.
    """

    repository: Repository
    refused: str


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> Penguins:
    """The pipeline has run on penguins in a database, by the reader and the section of docs/table.md."""
    root = tmp_path_factory.mktemp("penguins") / "repository"
    root.mkdir()
    repository = make_repository(root)
    write_database(pl.read_csv(root / "data/raw/penguins.csv"), root / "data/raw/houses.db")
    (code,) = (block for block in blocks("table", "python") if block.startswith("# src/houses/data.py"))
    (root / "src/houses").mkdir()
    (root / "src/houses/data.py").write_text(code)
    (section,) = (block for block in blocks("table", "yaml") if "reader" in block)
    params = (root / "recipes/penguins.yaml").read_text()
    named = section.removeprefix("prepare:\n")
    (root / "params.yaml").write_text(params.replace("  source: data/raw/penguins.csv\n", named))
    repository.edit("params.yaml", "epochs: 200", "epochs: 40")
    refused = repository.run("dvc", "repro")
    assert refused.returncode != 0
    code_of_deps, said = repository.relight("deps", "--write")
    assert code_of_deps == 0, said
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    return Penguins(repository, refused.stderr)


def write_database(table: pl.DataFrame, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE sold ({', '.join(table.columns)})")
        connection.executemany(f"INSERT INTO sold VALUES ({', '.join('?' * table.width)})", table.rows())


def test_a_reader_is_a_dependency(penguins: Penguins) -> None:
    assert "src/houses/data.py" in penguins.refused
    assert "relight deps --write" in penguins.refused
    assert penguins.repository.repro() == []


def test_new_files_are_read_as_the_source_was(penguins: Penguins) -> None:
    for source in ("houses.db", "penguins.csv"):
        words = ("predict", f"data/raw/{source}", "-o", f"{source}.csv", "--keep", "island")
        code, said = penguins.repository.relight(*words)
        assert code == 0, said
        assert said.startswith(f"{source}.csv: 344 predictions of species")
    written = penguins.repository.bytes_of("houses.db.csv", "penguins.csv.csv")
    assert written["houses.db.csv"] == written["penguins.csv.csv"]


def test_the_page_about_python_runs_and_prints_what_it_says(penguins: Penguins) -> None:
    code = "\n".join(blocks("python", "python"))
    done = penguins.repository.run("python", "-W", "ignore::UserWarning", "-c", code, env={"PYTHONPATH": "src"})
    assert done.stdout == "".join(blocks("python", "text")), done.stderr
