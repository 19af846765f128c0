from pathlib import Path

import numpy as np
import pytest

from relight.errors import InputError
from relight.io.tensors import Arrays, read_tensors, write_tensors


def arrays() -> Arrays:
    return {
        "numeric": np.array([[0.1, np.nan], [-0.0, np.inf]], dtype=np.float32),
        "categories": np.empty((2, 0), dtype=np.int32),
        "target": np.array([3, 2**40]),
    }


def test_arrays_read_back_with_every_bit_shape_and_type(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", arrays())
    read = read_tensors(tmp_path / "a")
    seen = {name: (array.dtype, array.shape, array.tobytes()) for name, array in read.items()}
    assert seen == {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays().items()}


def test_the_order_of_the_names_and_of_the_memory_changes_no_byte(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", arrays())
    turned = dict(reversed({**arrays(), "numeric": np.asfortranarray(arrays()["numeric"])}.items()))
    write_tensors(tmp_path / "b", turned)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_part_of_a_larger_array_is_written_as_what_it_is(tmp_path: Path) -> None:
    whole = np.arange(12.0).reshape(3, 4)
    write_tensors(tmp_path / "a", {"x": whole[::2, 1:3]})
    assert read_tensors(tmp_path / "a")["x"].tolist() == [[1, 2], [9, 10]]


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file or directory; run `dvc repro` or `dvc pull`"):
        read_tensors(tmp_path / "a")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", arrays())
    content = (tmp_path / "a").read_bytes()
    for length in range(len(content)):
        (tmp_path / "a").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"is damaged \(.*\); run `dvc checkout --force`"):
            read_tensors(tmp_path / "a")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x,y\n1,2\n" * 100)
    with pytest.raises(InputError, match="is damaged"):
        read_tensors(tmp_path / "a")
