"""The folder of a model in its repository, and its scratch folder."""

from pathlib import Path

import pytest

from relight.errors import InputError
from relight.runtime.workspace import (
    find_root,
    in_repository,
    lasting_folder,
    model_folder,
    repository_root,
    scratch_folder,
)


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def go(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    return folder


def test_at_the_top_the_paths_are_those_of_one_model(top: Path) -> None:
    assert (repository_root(), model_folder()) == (top, Path())
    assert scratch_folder() == Path(".dvc/tmp/relight")
    assert lasting_folder() == Path(".dvc/tmp/relight")


def test_a_model_below_has_its_scratch_in_the_folder_at_the_top(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = go(monkeypatch, top / "models/price")
    assert (repository_root(), model_folder()) == (top, Path("models/price"))
    assert scratch_folder() == Path("../../.dvc/tmp/relight/@models/@price")
    assert in_repository("data/houses.csv") == Path("../../data/houses.csv")
    assert list(folder.iterdir()) == []


def test_no_two_models_share_a_path_however_their_folders_are_called(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names that a scratch folder holds, a model within the folder of another one, the prefix itself."""
    models = ("", "lock", "outs", "outs/train", "checkpoints", "models", "models/lock", "@models", "@models/@lock")
    held = ("lock", "checked-params", "outs/train", "checkpoints", "sweeps/a", "verify")
    paths: list[Path] = []
    for model in models:
        go(monkeypatch, top / model)
        paths += [(scratch_folder() / name).resolve() for name in held]
    assert len(set(paths)) == len(models) * len(held)
    below = [(one, other) for one in paths for other in paths if one != other and one.is_relative_to(other)]
    assert below == []


def test_the_nearest_dvc_counts_as_for_dvc(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (top / "inner/.dvc").mkdir(parents=True)
    (top / "file").mkdir()
    (top / "file/.dvc").touch()  # no folder
    assert find_root(top / "inner/models") == top / "inner"
    assert find_root(top / "file") == top
    go(monkeypatch, top / "inner/models")
    assert (repository_root(), model_folder()) == (top / "inner", Path("models"))


def test_in_a_temporary_workspace_only_checkpoints_are_those_of_the_repository(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = top / ".dvc/tmp/exps/standalone/tmp1"
    (copy / ".dvc").mkdir(parents=True)
    go(monkeypatch, copy / "models/price")
    monkeypatch.setenv("DVC_ROOT", str(top))
    assert scratch_folder().resolve() == copy / ".dvc/tmp/relight/@models/@price"
    assert lasting_folder() == top / ".dvc/tmp/relight/@models/@price"
    monkeypatch.setenv("DVC_ROOT", str(top / "elsewhere"))  # to write there would make a .dvc
    assert lasting_folder() == scratch_folder()


def test_without_a_dvc_the_next_step_is_said_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for ask in (repository_root, model_folder, scratch_folder, lasting_folder):
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == (
            f"{tmp_path}: must lie in a DVC repository, got none: no folder from here upwards has a .dvc; run "
            "`git init`, if there is no Git repository either, and `dvc init` in the top folder of the project"
        )
    assert list(tmp_path.iterdir()) == []
