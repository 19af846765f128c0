import io
import pickle
import random
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from relight.errors import InputError
from relight.model.weights import load_weights, read_state, save_weights


class WithBuffers(nn.Module):
    """A small network with what a front has: buffers, one of whole numbers, one of no numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.25, -1.5]))
        self.register_buffer("with_gaps", torch.tensor([1, 3]))
        self.register_buffer("none", torch.empty(0, dtype=torch.int64))
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "line": lambda: nn.Linear(1, 1),
    "wide": lambda: nn.Linear(200, 3),
    "buffers": WithBuffers,
}


def saved(path: Path, model: nn.Module) -> bytes:
    save_weights(path, model)
    return path.read_bytes()


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def same(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return state.keys() == wanted.keys() and all(
        state[name].dtype == value.dtype and torch.equal(state[name], value) for name, value in wanted.items()
    )


def count_refused(path: Path, content: bytes, bits: Iterable[int], wanted: dict[str, torch.Tensor]) -> int:
    """Flip one bit after another: each file is refused, or gives the very same tensors."""
    refused = 0
    for bit in bits:
        path.write_bytes(flipped(content, bit))
        try:
            state = read_state(path)
        except InputError:
            refused += 1
        else:
            assert same(state, wanted), f"bit {bit} gives other tensors"
    return refused


def zipped(members: dict[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class Marking:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS.keys())
def test_weights_come_back_bit_for_bit(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    model, other = build(), build()
    save_weights(tmp_path / "model.pth", model)
    load_weights(tmp_path / "model.pth", other)
    assert same(other.state_dict(), model.state_dict())


def test_the_same_weights_are_the_same_bytes_whatever_the_file_is_called(tmp_path: Path) -> None:
    model = WithBuffers()
    (tmp_path / "folder").mkdir()
    assert saved(tmp_path / "model.pth", model) == saved(tmp_path / "folder" / "other.bin", model)


def test_the_file_is_a_plain_state_dict_for_anybodys_torch(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    save_weights(tmp_path / "model.pth", model)
    assert same(torch.load(tmp_path / "model.pth", weights_only=True), model.state_dict())


@pytest.mark.parametrize("name", MODELS.keys())
def test_a_flipped_bit_is_refused_or_changes_nothing(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    content = saved(tmp_path / "model.pth", model)
    bits = random.Random(name).sample(range(8 * len(content)), 1000)
    refused = count_refused(tmp_path / "model.pth", content, bits, model.state_dict())
    assert refused > 200  # the rest is padding between the members


def test_no_bit_of_the_archives_own_notes_on_a_tensor_can_be_flipped_into_other_tensors(tmp_path: Path) -> None:
    # The checksums do not cover it. One bit of it makes a member a folder, whose bytes PyTorch does not read.
    model = nn.Linear(1, 1)
    content = saved(tmp_path / "model.pth", model)
    first_tensor = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/0"))
    directory = range(8 * first_tensor, 8 * len(content))
    assert count_refused(tmp_path / "model.pth", content, directory, model.state_dict()) > len(directory) / 2


def test_every_flipped_bit_of_a_tensor_is_refused(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    content = saved(tmp_path / "model.pth", model)
    for value in model.state_dict().values():
        place = 8 * content.index(value.numpy().tobytes())
        assert count_refused(tmp_path / "model.pth", content, range(place, place + 32), model.state_dict()) == 32


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = saved(tmp_path / "model.pth", nn.Linear(1, 1))
    for length in range(len(content)):
        (tmp_path / "model.pth").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"is damaged or foreign \(.+\); run `dvc checkout --force`"):
            read_state(tmp_path / "model.pth")


@pytest.mark.parametrize("format_", ["archive", "plain pickle"])
def test_code_in_a_file_is_refused_and_does_not_run(format_: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "model.pth"
    if format_ == "archive":
        torch.save({"weight": Marking(marker)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Marking(marker)}))
    with pytest.raises(InputError, match="is damaged or foreign"):
        read_state(path)
    assert not marker.exists()
    if format_ == "plain pickle":
        pickle.loads(path.read_bytes())
        assert marker.exists()  # the code would have run


def test_a_compressed_archive_is_refused_though_torch_would_read_it(tmp_path: Path) -> None:
    members = members_of(saved(tmp_path / "model.pth", nn.Linear(1, 1)))
    (tmp_path / "model.pth").write_bytes(zipped(members, zipfile.ZIP_DEFLATED))
    assert set(torch.load(tmp_path / "model.pth", weights_only=True)) == {"weight", "bias"}
    with pytest.raises(InputError, match="its members are compressed, as PyTorch never writes them"):
        read_state(tmp_path / "model.pth")


def test_a_tensor_that_claims_more_numbers_than_it_stores_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(10**12)}, tmp_path / "model.pth")
    assert (tmp_path / "model.pth").stat().st_size < 2000
    with pytest.raises(InputError, match="weight claims more numbers than it stores"):
        read_state(tmp_path / "model.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    torch.save({"weight": torch.tensor([1.0, value])}, tmp_path / "model.pth")
    with pytest.raises(InputError, match="weight holds numbers that are not finite"):
        read_state(tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([torch.zeros(1)], "it holds no state_dict"),
        ({"epoch": 3}, "it holds more than named tensors"),
        ({3: torch.zeros(1)}, "it holds more than named tensors"),
    ],
)
def test_a_file_that_holds_no_state_dict_is_refused(content: Any, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(InputError, match=said):
        read_state(tmp_path / "model.pth")


@pytest.mark.parametrize(
    "content",
    [b"", b"x,y\n1,2\n", zipped({"a": b"text"}, zipfile.ZIP_STORED), b"\x80\x04."],
    ids=["nothing", "a table", "a zip", "a pickle"],  # a zip holds the time
)
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pth: is damaged or foreign \(not a PyTorch state_dict\)"):
        read_state(tmp_path / "model.pth")


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.pth: cannot be read: No such file or directory; run `dvc repro` or"):
        read_state(tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1)), r"0\.weight is missing; it belongs to another model"),
        (nn.Linear(1, 1), nn.Linear(1, 1, bias=False), "bias is unknown to this model"),
        (
            nn.Linear(3, 2),
            nn.Linear(4, 2),
            r"weight is \(2, 3\) torch\.float32 in the file, \(2, 4\) torch\.float32 in the model",
        ),
        (
            nn.Linear(1, 1).double(),
            nn.Linear(1, 1),
            r"weight is \(1, 1\) torch\.float64 in the file, \(1, 1\) torch\.float32 in the model",
        ),
    ],
    ids=["missing", "unknown", "shape", "type"],
)
def test_the_weights_of_another_model_are_refused_with_the_first_difference(
    theirs: nn.Module, ours: nn.Module, said: str, tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    save_weights(tmp_path / "model.pth", theirs)
    with pytest.raises(InputError, match=rf"{said}; run `dvc checkout --force`, or `dvc repro`"):
        load_weights(tmp_path / "model.pth", ours)
    assert same(ours.state_dict(), before)
