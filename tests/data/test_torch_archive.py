"""What `torch.save` writes comes back; what it never writes is refused before it takes time or memory."""

import io
import math
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from relight.data import pickle_check
from relight.data.pickle_check import ForeignError
from relight.data.torch_archive import load_archive


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def archive_of(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.NameToInfo.clear()  # or it would warn of a name that comes twice
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def with_pickle(content: bytes) -> bytes:
    """An archive of one float32, and this pickle."""
    members = {**members_of(saved({"x": torch.zeros(1)})), "archive/data.pkl": b"\x80\x02" + content + b"."}
    return archive_of(list(members.items()))


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    content = pickle.encode_long(value)
    return b"\x8a" + bytes([len(content)]) + content


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def row(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + row(*arguments) + b"R"


HOOKS = call(name("collections", "OrderedDict"))


def storage(kind: str = "FloatStorage", key: str = "0", device: str = "cpu", numbers: int = 1) -> bytes:
    return row(text("storage"), name("torch", kind), text(key), text(device), number(numbers)) + b"Q"


def tensor(of: bytes, offset: int = 0, size: tuple[int, ...] = (1,), stride: tuple[int, ...] = (1,)) -> bytes:
    sides = (row(*map(number, side)) for side in (size, stride))
    return call(name("torch._utils", "_rebuild_tensor_v2"), of, number(offset), *sides, b"\x89", HOOKS)


def entry(value: bytes) -> bytes:
    return b"}" + text("x") + value + b"s"


def nested(depth: int) -> bytes:
    return b"]" * depth + b"a" * (depth - 1)


GOOD = tensor(storage())
WIDE = tensor(storage(), size=(10**9,), stride=(0,))
FOREIGN = {
    "bytearray of 8 GB": entry(call(name("builtins", "bytearray"), number(8 * 10**9))),
    "bytearray, by its old name": entry(call(name("__builtin__", "bytearray"), number(8 * 10**9))),
    "a codec without an end": entry(call(name("_codecs", "encode"), text("一丁" * 9000), text("punycode"))),
    "a view of a billion": entry(WIDE),
    "a copy of a billion": entry(
        call(
            name("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"),
            WIDE, name("torch", "float64"), text("cpu"), b"\x89",
        )
    ),
    "numbers from NumPy": entry(call(name("numpy.core.multiarray", "_reconstruct"))),
    "a set": entry(call(name("builtins", "set"), b"]")),
    "a counter": entry(call(name("collections", "Counter"), b"}")),
    "code": entry(call(name("os", "system"), text("true"))),
    "an empty tensor of torch.Tensor": entry(call(name("torch", "Tensor"), number(10**10))),
    "a function among the values": entry(name("torch._utils", "_rebuild_tensor_v2")),
    "a storage among the values": entry(storage()),
    "beyond the storage": entry(tensor(storage(), offset=1)),
    "beyond the storage by a stride": entry(tensor(storage(numbers=1), size=(1, 2), stride=(1, 10**9))),
    "before the storage": entry(tensor(storage(), offset=-1)),
    "a negative size": entry(tensor(storage(), size=(-1,))),
    "a negative stride": entry(tensor(storage(), stride=(-4,))),
    "a size beyond 64 bits": entry(tensor(storage(), size=(0, 2**70), stride=(1, 1))),
    "more sides than strides": entry(tensor(storage(), size=(1, 1), stride=(1,))),
    "a storage that is not there": entry(tensor(storage(key="7"))),
    "a storage outside of the archive": entry(tensor(storage(key="../../0"))),
    "a storage that claims more": entry(tensor(storage(numbers=10**9))),
    "a storage that claims less": entry(tensor(storage(numbers=0), size=(0,))),
    "a storage of another type": entry(tensor(storage("DoubleStorage"))),
    "a storage of no type": entry(tensor(storage("Tensor"))),
    "a storage of two types": b"](" + GOOD + tensor(storage("IntStorage")) + b"e",
    "a device that torch loads as itself": entry(tensor(storage(device="meta"))),
    "hooks": entry(
        call(
            name("torch._utils", "_rebuild_tensor_v2"),
            storage(), number(0), row(number(1)), row(number(1)), b"\x89", HOOKS + text("a") + text("b") + b"s",
        )
    ),
    "a tensor without a storage": entry(tensor(number(1))),
    "an attribute": HOOKS + b"}" + text("items") + b"Ns" + b"b",
    "a tuple as a key": b"}" + b")" + b"Ns",
    "a tuple in tuples as a key": b"}" + b")" + b"\x85" * 100_000 + b"Ns",
    "a tensor as a key": b"}" + GOOD + b"Ns",
    "a key without a value": b"}(" + text("x") + b"u",
    "too deep": nested(100_000),
    "a little too deep": nested(pickle_check.MAX_DEPTH + 1),
    "tuples too deep": b")" + b"\x85" * 100,
    "a list in itself": b"]q\x00h\x00a",
    "lists in each other": b"]q\x00]q\x01h\x00ah\x01h\x00\x86",
    "a few lists that stand for 2**60 values": b"]q\x00" + b"".join(
        b"]q" + bytes([k + 1]) + b"(h" + bytes([k]) + b"h" + bytes([k]) + b"e" for k in range(60)
    ),
    "two values": b"NN",
    "no value": b"",
    "a memo that is empty": b"h\x05",
    "a mark without values": b"(",
    "an append to nothing": b"Na",
    "values below a mark": b"N(a",
    "a string of protocol 0": b"S'x'\n",
    "an object": b"(" + name("os", "system")[1:].replace(b"c", b"") + b"o",
    "an instance": b"(i" + name("os", "system")[1:],
    "an extension": b"\x82\x01",
    "a number of 300 digits in text": b"L" + b"1" * 300 + b"L\n",
    "a frame": b"\x95" + struct.pack("<Q", 2**62),
    "bytes of 8 GB": b"\x8e" + struct.pack("<Q", 8 * 10**9),
    "another protocol": b"\x80\x05N",
    "not UTF-8": b"X\x01\x00\x00\x00\xff",
}  # fmt: skip


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_pickle_that_torch_save_does_not_write_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "load", _never)
    with pytest.raises(ForeignError):
        load_archive(io.BytesIO(with_pickle(content)))


def test_the_hand_made_pickle_is_read_where_nothing_is_wrong_with_it() -> None:
    assert load_archive(io.BytesIO(with_pickle(entry(GOOD)))) == {"x": torch.zeros(1)}
    assert load_archive(io.BytesIO(with_pickle(nested(pickle_check.MAX_DEPTH)))) is not None


def test_the_number_of_opcodes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_check, "MAX_OPCODES", 1000)
    assert load_archive(io.BytesIO(saved([1.5] * 300))) == [1.5] * 300
    with pytest.raises(ForeignError, match="more than 1000 opcodes"):
        load_archive(io.BytesIO(saved([1.5] * 1000)))


def module_state() -> dict[str, Any]:
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LSTM(4, 2))
    layers.register_buffer("none", torch.empty(0, dtype=torch.int64))
    layers.register_buffer("unsigned", torch.tensor([2**31], dtype=torch.uint32))
    layers.register_buffer("flag", torch.tensor([True]))
    return layers.state_dict()


def optimizer_state(kind: Callable[..., torch.optim.Optimizer]) -> dict[str, Any]:
    weight = nn.Parameter(torch.ones(2, 3))
    optimizer = kind([weight], lr=0.1)
    weight.sum().backward()
    optimizer.step(lambda: weight.sum())
    return optimizer.state_dict()


HONEST: dict[str, Callable[[], Any]] = {
    "a state_dict": module_state,
    **{k.__name__: lambda k=k: optimizer_state(k) for k in (torch.optim.AdamW, torch.optim.LBFGS, torch.optim.Adagrad)},
    "views": lambda: {"view": torch.arange(12).reshape(3, 4).T[1:, ::2], "last": torch.arange(5)[4:]},
    "one tensor twice": lambda: dict.fromkeys("ab", torch.arange(3.0)),
    "numbers": lambda: [1, -1, 2**40, -(2**80), 1.5, math.inf, True, False, None, "é\ud7ff", "", (), (1,), [], {}],
    "a history": lambda: [[float(k)] * 5 for k in range(3000)],
    "random states": lambda: {"cpu": torch.get_rng_state()},
    "keys": lambda: {3: "a", "b": 2.0, None: 3, True: OrderedDict(c=1.5)},
    "types": lambda: {d: torch.ones(2, dtype=getattr(torch, d)) for d in ("float16", "bfloat16", "int8", "complex64")},
    "a parameter": lambda: nn.Parameter(torch.ones(2)),
    "a sparse tensor": lambda: torch.eye(3).to_sparse(),
    "a type": lambda: {"dtype": torch.float32},
}


@pytest.mark.parametrize("make", HONEST.values(), ids=HONEST.keys())
def test_what_torch_save_writes_comes_back(make: Callable[[], Any]) -> None:
    content = make()
    read = load_archive(io.BytesIO(saved(content)), checks_sums=True)
    assert repr(read) == repr(content)
    assert type(read) is type(content)


def test_a_tensor_that_ends_beyond_its_member_is_not_read_from_foreign_memory() -> None:
    # torch.load takes the size of a storage from the pickle, and reads that far beyond the member
    members = {**members_of(saved({"x": torch.zeros(4)})), "archive/data/0": b"\0" * 8}
    with pytest.raises(ForeignError, match="a storage of 4 numbers that the file does not hold"):
        load_archive(io.BytesIO(archive_of(list(members.items()))))


def renamed(old: str, new: str) -> bytes:
    members = members_of(saved({"x": torch.zeros(1)}))
    return archive_of([(new if name == old else name, content) for name, content in members.items()])


def added(*more: tuple[str, bytes]) -> bytes:
    return archive_of([*members_of(saved({"x": torch.zeros(1)})).items(), *more])


def cheating_directory() -> bytes:
    """Python's zipfile sees other members than a reader that does not forgive bytes before the archive."""
    honest, other = (saved({"x": torch.full((1,), value)}) for value in (1.0, 2.0))
    return other + honest


ARCHIVES = {
    "bytes before it": lambda: b"x" * 64 + saved({"x": torch.zeros(1)}),
    "an archive before it": cheating_directory,
    "a comment": lambda: saved({"x": torch.zeros(1)})[:-2] + b"\x03\x00abc",
    "bytes behind it": lambda: saved({"x": torch.zeros(1)}) + b"abc",
    "a name twice": lambda: added(("archive/data.pkl", b"\x80\x02N.")),
    "a name in other letters": lambda: added(("archive/DATA.PKL", b"\x80\x02N.")),
    "another folder": lambda: added(("other/data.pkl", b"\x80\x02N.")),
    "code of TorchScript": lambda: added(("archive/code/x.py", b"")),
    "constants of TorchScript": lambda: added(("archive/constants.pkl", b"\x80\x02)." )),
    "a path upwards": lambda: added(("../archive/data/1", b"1234")),
    "a path from the root": lambda: added(("/archive/data/1", b"1234")),
    "no pickle": lambda: renamed("archive/data.pkl", "archive/data/1"),
    "compressed zeros": lambda: archive_of([("archive/data.pkl", b"\0" * 10**7)], zipfile.ZIP_DEFLATED),
    "compressed by LZMA": lambda: archive_of([("archive/data.pkl", b"\0" * 10**6)], zipfile.ZIP_LZMA),
    "a pickle without an archive": lambda: pickle.dumps({"x": 1}, 2),
    "an old file of torch": lambda: legacy({"x": torch.zeros(1)}),
    "nothing": lambda: b"",
}  # fmt: skip


def legacy(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_an_archive_that_torch_save_does_not_write_is_refused(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make()
    monkeypatch.setattr(torch, "load", _never)
    with pytest.raises((ForeignError, ValueError, zipfile.BadZipFile)):
        load_archive(io.BytesIO(content))


def test_what_the_check_lets_through_is_what_torch_loads() -> None:
    """The shapes and the values, for tensors that lie anywhere in their storage."""
    generator = np.random.default_rng(0)
    base = torch.from_numpy(generator.normal(size=60))
    for _ in range(50):
        size = tuple(int(n) for n in generator.integers(0, 4, 2))
        stride = tuple(int(n) for n in generator.integers(1, 9, 2))
        view = base.as_strided(size, stride, int(generator.integers(0, 20)))
        read = load_archive(io.BytesIO(saved({"x": view})))["x"]
        assert torch.equal(read, view)
        assert read.stride() == view.stride()


def test_a_counter_is_no_dict_of_ours() -> None:
    with pytest.raises(ForeignError, match=r"the global 'collections\.Counter'"):
        load_archive(io.BytesIO(saved(Counter("ab"))))


def _never(*_arguments: object, **_named: object) -> None:
    raise AssertionError("torch.load was called")
