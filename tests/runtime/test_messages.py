import pytest
import torch

from relight.runtime.messages import abbreviate, did_you_mean, did_you_mean_key, pluralize, printable, run_for_exit_code


def test_one_has_no_s() -> None:
    assert [pluralize(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_a_long_list_ends_with_the_number_of_the_others() -> None:
    assert abbreviate("abc") == "a, b, c"
    assert abbreviate("abcdef") == "a, b, c and 3 more"
    assert abbreviate(["a", "b"], 1) == "a and 1 more"
    assert abbreviate([]) == ""


def test_a_near_miss_is_named() -> None:
    assert did_you_mean("specis", ["island", "species", "sex"]) == "; did you mean 'species'?"


def test_without_a_near_miss_the_columns_are_listed() -> None:
    assert did_you_mean("price", ["a", "b"]) == "; its columns are a, b"


def test_a_long_list_of_columns_is_cut() -> None:
    known = [f"c{k}" for k in range(21)]
    assert did_you_mean("price", known) == f"; its columns are {', '.join(known[:20])}, ..."


def test_a_name_that_is_taken_is_not_proposed() -> None:
    assert did_you_mean("garden", ["gardens", "floor"], taken=["gardens"]) == "; its columns are gardens, floor"


def test_the_list_says_what_it_is_of() -> None:
    assert did_you_mean("Yes", ["yes", "no"], what="its classes") == "; did you mean 'yes'?"
    assert did_you_mean("maybe", ["yes", "no"], what="its classes") == "; its classes are yes, no"


def test_a_key_is_named_without_quotes_and_all_keys_are_listed() -> None:
    keys = [f"k{k}" for k in range(21)]
    assert did_you_mean_key("splitt", ["split", "train"]) == "; did you mean split?"
    assert did_you_mean_key("zz", keys) == f"; known are {', '.join(keys)}"
    assert did_you_mean_key("zz", []) == "; known are none yet"


def test_text_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == r"a\x1b[31mb\nc\u202ed"
    assert printable("é 漢字 –") == "é 漢字 –"


def test_a_gpu_that_is_full_is_one_sentence_with_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    def fills_the_gpu() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...")

    assert run_for_exit_code(fills_the_gpu, "train") == 1
    assert capsys.readouterr().err == (
        "error: train: not enough memory on the GPU; use a smaller train.batch_size or model, a train.memory_gb below "
        "the size of the train rows, or train.device: cpu\n"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is here")
def test_a_real_gpu_that_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_for_exit_code(lambda: torch.empty(2**50, device="cuda").sum().item() and None, "train") == 1
    assert "not enough memory on the GPU" in capsys.readouterr().err
