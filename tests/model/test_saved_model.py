"""model.json and model.pth as one: what is rebuilt of them, and which versions of Relight are refused."""

from pathlib import Path

import pytest
import torch

from relight.errors import InputError
from relight.model.saved_model import TableModel, load_model
from relight.model.weights import read_state
from tests.saved_models import Saved, save_model


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return save_model(tmp_path, "mlp", "x c", "binary", numeric="standardize")


def set_format(saved: Saved, value: str) -> None:
    path = saved.models / "model.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('\n "format": 3', f'\n "format": {value}'), encoding="utf-8"
    )


def test_a_model_is_rebuilt_with_its_weights_and_its_description(saved: Saved) -> None:
    read = load_model(saved.models)
    assert isinstance(read, TableModel)
    assert read.features == saved.features
    weights = read_state(saved.models / "model.pth")
    assert list(read.model.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in read.model.state_dict().items())


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("2", "got 2: Relight 0.1 wrote it; use that version, or train again with this one (`dvc repro`)"),
        ("4", "got 4: a newer Relight wrote it; upgrade Relight"),
        ("null", "got None: it is no model.json; run `dvc checkout` or `dvc repro`"),
    ],
)
def test_a_model_of_another_version_names_the_version_to_use(saved: Saved, value: str, rest: str) -> None:
    set_format(saved, value)
    with pytest.raises(InputError) as refused:
        load_model(saved.models)
    assert refused.value.problems == (f"{saved.models}/model.json: must be of format 3, {rest}",)
