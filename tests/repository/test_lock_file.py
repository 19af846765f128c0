import pytest

from relight.errors import InputError
from relight.repository.revisions import LockedStage, LockEntry, read_lock

LOCK = b"""\
schema: '2.0'
stages:
  train:
    cmd: exec python -m stages.train
    deps:
    - path: data/split/train.safetensors
      hash: md5
      md5: 12345678901234567890123456789012
      size: 940
    params:
      params.yaml:
        train:
          seed: 42
    outs:
    - path: reports/plots
      hash: md5
      md5: 00000000000000000000000000000e10.dir
      size: 7
      nfiles: 2
"""


def test_a_stage_is_what_it_read_and_wrote_and_no_hash_is_taken_for_a_number() -> None:
    assert read_lock(LOCK) == {
        "train": LockedStage(
            "exec python -m stages.train",
            {
                "data/split/train.safetensors": LockEntry(
                    "data/split/train.safetensors", "12345678901234567890123456789012", 940
                )
            },
            {"train": {"seed": "42"}},
            {"reports/plots": LockEntry("reports/plots", "00000000000000000000000000000e10.dir", 7)},
            {},
            {},
        )
    }


@pytest.mark.parametrize("text", [b"", b"stages:\n", LOCK[:200], b"<<<<<<< HEAD\n" + LOCK, LOCK.replace(b"940", b"x")])
def test_a_damaged_one_is_named_with_the_way_out(text: bytes) -> None:
    with pytest.raises(InputError, match=r"dvc\.lock: is damaged.*git checkout dvc\.lock"):
        read_lock(text)


def test_a_stage_of_a_project_names_the_installed_code_that_it_ran() -> None:
    installed = LOCK.replace(b"    outs:\n", b"      relight.json:\n        train: 12345678e0123456\n    outs:\n", 1)
    (stage,) = read_lock(installed).values()
    assert stage.installed == {"train": "12345678e0123456"}
    assert stage.params == {"train": {"seed": "42"}}
