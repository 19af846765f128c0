"""Inputs that no stage makes come to their places in the checkout of a commit, and to no other."""

from pathlib import Path

import pytest

from relight.provenance.rebuild import place_input
from relight.repository.objects import bytes_md5

TABLE = b"x\n1\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model in a checkout; the current folder is that of the model in the repository."""
    for folder in ("repository", "repository/.dvc/tmp/relight/verify"):
        (tmp_path / folder / ".dvc").mkdir(parents=True)
        (tmp_path / folder / "models/price").mkdir(parents=True)
    (tmp_path / "repository/data").mkdir()
    (tmp_path / "repository/data/t.csv").write_bytes(TABLE)
    (tmp_path / "t.csv").write_bytes(TABLE)
    monkeypatch.chdir(tmp_path / "repository/models/price")
    return Path("../../.dvc/tmp/relight/verify/models/price")


def test_a_source_elsewhere_in_the_repository_is_elsewhere_in_the_checkout(checkout: Path) -> None:
    assert place_input("../../data/t.csv", bytes_md5(TABLE), checkout, Path("none")) == ""
    assert (checkout.resolve().parents[1] / "data/t.csv").read_bytes() == TABLE


@pytest.mark.parametrize("path", ["../../../t.csv", "../../data/../../t.csv", "/tmp/t.csv"])
def test_nothing_is_written_outside_of_the_checkout(path: str, checkout: Path) -> None:
    before = sorted(checkout.resolve().parents[4].rglob("*"))
    said = place_input(path, bytes_md5(TABLE), checkout, Path("none"))
    assert said.startswith(f"{path}: lies outside of the repository, and is no part of the commit")
    assert sorted(checkout.resolve().parents[4].rglob("*")) == before
