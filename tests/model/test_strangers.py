"""A model of a stranger: whatever its files hold, a prediction or our own error, within bounded time and memory."""

import copy
import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.data.features import Features
from relight.data.tensors import StoredTensors, assert_widths, read_tensors
from relight.errors import InputError, RelightError
from relight.model import weights
from relight.model.params import ModelParams
from relight.model.saved_model import load_model
from relight.model.sequences import build_sequences
from relight.model.weights import MemoryBound, read_state
from relight.predict.loaded import load
from relight.runtime.files import read_model
from tests.bounds import bounded
from tests.mutations import mutations
from tests.own_projects import enter
from tests.saved_models import Saved, save_model
from tests.trained_kinds import KINDS, TrainedKind, train_kind

often = settings(deadline=None, derandomize=True, max_examples=60)
MODEL_FILES = ("model.json", "model.pth")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedKind]:
    return {name: train_kind(tmp_path_factory.mktemp(name), kind) for name, kind in KINDS.items()}


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return save_model(tmp_path, "mlp", "x c", "binary", numeric="quantile_normal")


def edit(models: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((models / "model.json").read_text(encoding="utf-8"))
    change(content)
    (models / "model.json").write_text(json.dumps(content), encoding="utf-8")


WIDE = {"n_blocks": 64, "d_block": 16384, "dropout": 0}
BOMBS: dict[str, Callable[[dict[str, Any]], object]] = {
    "mlp of 68 GB": lambda m: m["model"].update(mlp=WIDE),
    "tabm": lambda m: m["model"].update(name="tabm", tabm={"k": 256, "d_block": 16384, "n_blocks": 64}),
    "mlp_ple": lambda m: m["model"].update(name="mlp_ple", mlp_ple={"d_block": 16384, "n_blocks": 64}),
    "ft_transformer": lambda m: m["model"].update(
        name="ft_transformer", ft_transformer={"d_block": 4096, "n_blocks": 16, "n_heads": 1}
    ),
    "64 seeds of 1 GB": lambda m: (m["model"].update(mlp={**WIDE, "n_blocks": 2}), m.update(seeds=64)),
}


@pytest.mark.parametrize("change", BOMBS.values(), ids=BOMBS.keys())
def test_a_network_that_is_larger_than_its_weights_is_not_built(
    change: Callable[[dict[str, Any]], object], saved: Saved
) -> None:
    edit(saved.models, change)
    size = (saved.models / "model.pth").stat().st_size
    said = (
        rf"model\.pth: must be as large as what model\.json describes, got {size:,} bytes for more than .* in memory; "
    )
    with bounded(), pytest.raises(InputError, match=said):
        load_model(saved.models)


WAVES = {"name": "x", "period": 1.0, "harmonics": 10**9}


def changed_series(**changes: int) -> Callable[[dict[str, Any]], object]:
    return lambda m: m["features"]["series"]["series_schema"].update(changes)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("series", changed_series(length=2**30)),
        ("series", changed_series(length=10**6, horizon=10_000)),
        ("series", lambda m: m["features"]["series"]["cycles"].append(WAVES)),
        ("sequences", lambda m: m["model"]["convolution"].update(d_block=4096, n_blocks=16, kernel=255)),
        ("pairs", lambda m: m["features"]["pairs"].update(n_buckets=2**24)),
        ("pairs", lambda m: m["features"]["pairs"].update(n_letters=10**9)),
    ],
)  # fmt: skip
def test_no_kind_of_data_takes_what_its_weights_do_not_have(
    kind: str, change: Callable[[dict[str, Any]], object], kinds: dict[str, TrainedKind], tmp_path: Path
) -> None:
    for name in MODEL_FILES:
        (tmp_path / name).write_bytes((kinds[kind].models / name).read_bytes())
    edit(tmp_path, change)
    with bounded(), pytest.raises(InputError, match=r"model\.(pth: must be as large as|json: features\.)"):
        load_model(tmp_path)


NUMBERS = {
    "seeds": [0, -1, 65, 10**9, 10**30, 1.5, "x", None],
    "threads": [0, -1, 4097, 10**20],
    "seed": [-1, 2**32],
    "processes": [0, -1, 2**31],
    "batch_size": [-1, 10**20],
    "epochs": [-1, 10**20],
    "features.n_train": [-1, 10**20],
    "features.numeric.0.gaps": [-1],
    "features.numeric.0.mean": [1e39, -1e300, "NaN", 10**400],
    "features.numeric.0.quantiles": [[0.0] * 1002],
    "features.class_counts": [[-1]],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in NUMBERS.items() for value in values])
def test_a_number_beyond_its_bounds_is_named(key: str, value: Any, saved: Saved) -> None:
    def change(content: Any) -> None:
        *path, last = key.split(".")
        for part in path:
            content = content[int(part) if part.isdigit() else part]
        content[last] = value

    edit(saved.models, change)
    with pytest.raises(InputError, match=rf"model\.json: {key}.*; run `dvc checkout` or `dvc repro`"):
        load_model(saved.models)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_is_none_is_refused(text: str, saved: Saved) -> None:
    path = saved.models / "model.json"
    content = path.read_text(encoding="utf-8")
    path.write_text(content.replace('"mean": ', f'"mean": {text}, "was": ', 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.json: "):
        load_model(saved.models)


@pytest.mark.parametrize(
    "content", ["[" * 200_000, '{"a":' * 100_000, '{"format": 3, "x": ' + "[" * 65 + "]" * 65 + "}"]
)
def test_what_is_nested_too_deeply_is_refused(content: str, saved: Saved) -> None:
    (saved.models / "model.json").write_text(content)
    with bounded(), pytest.raises(InputError, match=r"model\.json: is not JSON \(.*(recursion|lists and mappings)"):
        load_model(saved.models)


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(2**40)  # takes no room on the disk


PLANTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "must be a regular file, got a pipe"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "must be a regular file, got a device"),
    "a folder": (Path.mkdir, "cannot be read: Is a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    "a terabyte of nothing": (sparse, r"must have at most [\d,]+ bytes, got 1,099,511,627,776"),
}


@pytest.mark.parametrize("name", MODEL_FILES)
@pytest.mark.parametrize(("plant", "said"), PLANTS.values(), ids=PLANTS.keys())
def test_only_a_regular_file_of_a_likely_size_is_read(
    plant: Callable[[Path], object], said: str, name: str, saved: Saved
) -> None:
    (saved.models / name).unlink()
    plant(saved.models / name)
    with bounded(), pytest.raises(InputError, match=rf"{name}: {said}"):
        load_model(saved.models)


@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("read", [read_tensors, StoredTensors])
def test_tensors_are_read_from_a_regular_file(
    read: Callable[[Path], object], plant: Callable[[Path], object], tmp_path: Path
) -> None:
    plant(tmp_path / "a")
    with bounded(), pytest.raises(InputError, match="a: must be a regular file, got a "):
        read(tmp_path / "a")


def test_a_link_to_a_file_is_followed_because_a_cache_of_dvc_may_be_linked(saved: Saved) -> None:
    for name in MODEL_FILES:
        (saved.models / name).rename(saved.models / f"cached {name}")
        (saved.models / name).symlink_to(saved.models / f"cached {name}")
    assert load_model(saved.models).features == saved.features


OWN = """\
import torch
from torch import nn


class Own(nn.Module):
    def __init__(self, d_in, d_out, width=8):
        super().__init__()
        self.first = nn.Linear(d_in, width)
        self.second = nn.Linear(width, d_out)
        self.steps = torch.arange(1000).tolist()[-1] + torch.ones(2).sum().item()
        self.second = nn.Linear(width, d_out)

    def forward(self, x):
        return self.second(self.first(x).relu())
"""


def test_an_own_network_is_built_within_the_bound_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch, own_bound=OWN)
    call = {"call": "own_bound:Own"}
    saved = save_model(tmp_path, ModelParams(name=call, numeric="none").name, "x c", "binary", numeric="standardize")
    assert load_model(saved.models).features == saved.features
    edit(saved.models, lambda m: m["model"]["name"].update(width=2**30))
    with bounded(), pytest.raises(InputError, match="must be as large as what model"):
        load_model(saved.models)


def test_what_is_asked_for_is_counted_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.pth").write_bytes(b"x" * 100)
    monkeypatch.setattr(weights, "SPARE_BYTES", 1000)
    with MemoryBound(tmp_path / "model.pth"):
        torch.zeros(300)  # 1200 of 1400 bytes
        with pytest.raises(InputError, match="got 100 bytes for more than 1,400 in memory"):
            torch.empty(51)
    with MemoryBound(tmp_path / "model.pth"), pytest.raises(InputError):
        torch.nn.Linear(10**6, 10**6)
    with MemoryBound(tmp_path / "model.pth"), pytest.raises(InputError):
        torch.randn(10**5, 10**5, generator=torch.Generator())


OTHER_VALUES: list[Any] = [
    None, True, -1, 0, 1, 2, 10**6, 10**9, 2**63, 10**30, -0.5, 1e-300, 1e30, 1e300, "", "x", "x\0", "../../x", [], {},
    [[]], [None], [0, 0], {"x": 1},
]  # fmt: skip


def with_another_value(draw: st.DrawFn, content: bytes) -> bytes:
    """Put another value in the place of one, anywhere; leave one out, or have one twice."""
    tree = json.loads(content)
    for _ in range(draw(st.integers(1, 2))):
        places = [(parent, key) for parent, key in _places(tree) if not isinstance(parent[key], dict | list)]
        places = draw(st.sampled_from([places, list(_places(tree))])) or places
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["change", "change", "remove", "repeat"])):
            case "remove":
                del parent[key]
            case "repeat" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case _:
                parent[key] = copy.deepcopy(draw(st.sampled_from(OTHER_VALUES)))
    return json.dumps(tree).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a tree: the list or mapping, and the index or key."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def with_a_changed_member(draw: st.DrawFn, content: bytes) -> bytes:
    """The checksums are those of the changed bytes, as an attacker makes them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(["archive/data.pkl"] * 4 + list(members)))
    return zipped({**members, name: draw(mutations(members[name]))})


@often
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_any_model_predicts_or_is_refused(
    kind: str, data: st.DataObject, kinds: dict[str, TrainedKind], tmp_path_factory: pytest.TempPathFactory
) -> None:
    trained, folder = kinds[kind], tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    changed = data.draw(st.sampled_from([*MODEL_FILES, "model.json"]))
    for name in MODEL_FILES:
        content = (trained.models / name).read_bytes()
        if name == changed == "model.pth":
            content = data.draw(st.one_of(mutations(content), st.composite(with_a_changed_member)(content)))
        elif name == changed:
            content = data.draw(st.one_of(mutations(content), st.composite(with_another_value)(content)))
        (folder / name).write_bytes(content)
    with bounded(), suppress(RelightError), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # values that are new
        model = load(folder)
        assert model.predict(trained.table).height > 0


@often
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_any_tensors_are_read_or_refused(
    kind: str, data: st.DataObject, kinds: dict[str, TrainedKind], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    features = read_model(kinds[kind].models / "features", Features)
    path.write_bytes(data.draw(mutations((kinds[kind].models / "validation").read_bytes())))
    with bounded(), suppress(InputError):
        stored = StoredTensors(path)
        assert_widths(path, {name: layout.shape for name, layout in stored.layouts.items()}, features)
        stored.read([range(stored.n_rows)], [name for name in stored.names if stored.layouts[name].shape])
    with bounded(), suppress(InputError):
        arrays = read_tensors(path)
        assert_widths(path, {name: array.shape for name, array in arrays.items()}, features)
        if kind == "sequences":
            build_sequences(arrays).whole()


@pytest.mark.parametrize("index", [-1, 1, 10**9])
def test_an_index_of_a_column_is_one_of_the_description(index: int, saved: Saved) -> None:
    state = read_state(saved.models / "model.pth")
    state["preprocessor.keep"] = torch.tensor([index])
    torch.save(state, saved.models / "model.pth")
    said = "preprocessor.keep names a column that model.json does not have; it belongs to another model"
    with pytest.raises(InputError, match=said):
        load_model(saved.models)


@pytest.mark.parametrize("classes", [None, [], ["a"], ["a", "b", "c"]])
def test_two_outcomes_have_two_classes(classes: list[str] | None, saved: Saved) -> None:
    edit(saved.models, lambda m: m["features"].update(classes=classes))
    said = rf"model\.json: features\.classes: must be two for binary, got {len(classes or [])}; run `dvc checkout` or"
    with pytest.raises(InputError, match=said):
        load_model(saved.models)


def test_half_a_letter_is_refused(saved: Saved) -> None:
    edit(saved.models, lambda m: m["features"]["categorical"][0]["levels"].append("\ud800"))
    with pytest.raises(InputError, match=r"model\.json: is not JSON \(.*surrogates not allowed\)"):
        load_model(saved.models)
