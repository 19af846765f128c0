import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from relight.data.tensors import (
    Arrays,
    Layout,
    StoredTensors,
    TensorsWriter,
    assert_classes,
    read_tensors,
    write_tensors,
)
from relight.errors import InputError
from tests.data.test_features import FEATURES


def arrays() -> Arrays:
    return {
        "numeric": np.array([[0.1, np.nan], [-0.0, np.inf]], dtype=np.float32),
        "categories": np.empty((2, 0), dtype=np.int32),
        "target": np.array([3, 2**40]),
    }


def write(path: Path, whole: Arrays, *, pieces: int = 1) -> None:
    layouts = {name: Layout(str(array.dtype), array.shape) for name, array in whole.items()}
    with TensorsWriter(path, layouts) as file:
        n_rows = len(next(iter(whole.values())))
        for rows in reversed(np.array_split(np.arange(n_rows), pieces)):  # the order does not matter
            first = int(rows[0]) if len(rows) else 0
            file.write(first, {name: array[first : first + len(rows)] for name, array in whole.items()})


def test_arrays_read_back_with_every_bit_shape_and_type(tmp_path: Path) -> None:
    write(tmp_path / "a", arrays())
    read = read_tensors(tmp_path / "a")
    seen = {name: (array.dtype, array.shape, array.tobytes()) for name, array in read.items()}
    assert seen == {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays().items()}


@settings(deadline=None)
@given(
    n_rows=st.integers(0, 9),
    widths=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
        st.tuples(st.sampled_from(["float32", "int32", "int64"]), st.sampled_from([(), (0,), (1,), (3,)])),
        min_size=1,
        max_size=6,
    ),
    pieces=st.integers(1, 4),
)
def test_the_bytes_are_those_of_the_library_in_however_many_pieces(
    tmp_path_factory: pytest.TempPathFactory, n_rows: int, widths: dict[str, tuple[str, tuple[int, ...]]], pieces: int
) -> None:
    generator, path = np.random.default_rng(0), tmp_path_factory.mktemp("tensors") / "a"
    whole = {name: generator.integers(0, 99, (n_rows, *width)).astype(dtype) for name, (dtype, width) in widths.items()}
    write(path, whole, pieces=pieces)
    assert path.read_bytes() == save(whole)


def test_the_order_of_the_names_and_of_the_memory_changes_no_byte(tmp_path: Path) -> None:
    write(tmp_path / "a", arrays())
    turned = dict(reversed({**arrays(), "numeric": np.asfortranarray(arrays()["numeric"])}.items()))
    write(tmp_path / "b", turned)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_part_of_a_larger_array_is_written_as_what_it_is(tmp_path: Path) -> None:
    whole = np.arange(12, dtype=np.int64).reshape(3, 4)
    write(tmp_path / "a", {"x": whole[::2, 1:3]})
    assert read_tensors(tmp_path / "a")["x"].tolist() == [[1, 2], [9, 10]]


def test_what_the_system_takes_in_parts_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, place: whole(file, content[:7], place))
    write(tmp_path / "a", arrays())
    assert (tmp_path / "a").read_bytes() == save(arrays())


def test_too_few_rows_are_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="a is not full"),
        TensorsWriter(tmp_path / "a", {"x": Layout("float32", (3,))}) as file,
    ):
        file.write(0, {"x": np.zeros(2, dtype=np.float32)})


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file or directory; run `dvc repro` or `dvc pull`"):
        read_tensors(tmp_path / "a")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", arrays())
    content = (tmp_path / "a").read_bytes()
    for length in range(len(content)):
        (tmp_path / "a").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"is damaged \(.*\); run `dvc checkout --force`"):
            read_tensors(tmp_path / "a")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x,y\n1,2\n" * 100)
    with pytest.raises(InputError, match="is damaged"):
        read_tensors(tmp_path / "a")


def test_stored_arrays_are_read_block_by_block(tmp_path: Path) -> None:
    whole = {
        "numeric": np.arange(40, dtype=np.float32).reshape(10, 4),
        "target": np.arange(10),
        "none": np.empty((10, 0), np.int32),
    }
    write(tmp_path / "a", whole)
    stored = StoredTensors(tmp_path / "a")
    assert (stored.n_rows, stored.row_bytes) == (10, 24)
    read = stored.read([range(7, 10), range(0, 2)], ["numeric", "target", "none"])
    for name, array in read.items():
        np.testing.assert_array_equal(array, whole[name][[7, 8, 9, 0, 1]])
    assert list(stored.read([range(1)], ["target"])) == ["target"]


def test_what_the_system_gives_in_parts_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a", arrays())
    whole = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, buffers, place: whole(file, [buffers[0][:5]], place))
    read = StoredTensors(tmp_path / "a").read([range(2)], ["numeric", "target"])
    assert all(array.tobytes() == arrays()[name].tobytes() for name, array in read.items())


def test_a_stored_file_that_is_cut_or_missing_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", arrays())
    content = (tmp_path / "a").read_bytes()
    for length in (0, 7, 20, len(content) - 1):
        (tmp_path / "b").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"b: is damaged \(.*\); run `dvc checkout --force`"):
            StoredTensors(tmp_path / "b")
    with pytest.raises(InputError, match=r"gone: cannot be read: .*; run `dvc repro` or `dvc pull`"):
        StoredTensors(tmp_path / "gone")


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a", arrays())
    stored = StoredTensors(tmp_path / "a")
    os.truncate(tmp_path / "a", (tmp_path / "a").stat().st_size - 4)
    with pytest.raises(InputError, match=r"a: is damaged \(it ends too early\)"):
        stored.read([range(2)], ["numeric", "target"])


def test_whole_arrays_may_be_of_different_lengths(tmp_path: Path) -> None:
    arrays = {
        "numeric": np.arange(6, dtype=np.float32).reshape(3, 2),
        "length": np.array([2, 1]),
        "none": np.empty((3, 0), np.int32),
    }
    write_tensors(tmp_path / "one", arrays)
    found = read_tensors(tmp_path / "one")
    assert {name: (array.tolist(), array.dtype) for name, array in found.items()} == {
        name: (array.tolist(), array.dtype) for name, array in arrays.items()
    }
    write_tensors(tmp_path / "two", dict(reversed(arrays.items())))
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes() == save(arrays)


@pytest.mark.parametrize(
    "target",
    [[0, 3], [-1, 0], [0, 2**40], [[0.0], [float("nan")]], [[0.5, 3.5]]],
    ids=["beyond", "below", "far", "a gap", "shares"],
)
def test_a_target_that_is_no_class_is_named(target: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a: 'target' must be from 0 to 2, because y has 3 classes, got .*; run `dvc"):
        assert_classes(tmp_path / "a", np.array(target), FEATURES.model_copy(update={"classes": ["a", "b", "c"]}))


@pytest.mark.parametrize("target", [[0, 2, 1], [], [[0.25, 0.75]]])
def test_a_target_that_is_a_class_passes(target: Any, tmp_path: Path) -> None:
    assert_classes(tmp_path / "a", np.array(target), FEATURES.model_copy(update={"classes": ["a", "b", "c"]}))
    assert_classes(tmp_path / "a", np.array([99.0]), FEATURES.model_copy(update={"classes": None}))
