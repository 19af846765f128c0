from relight.model.manifest import changed_versions, split_data_and_code


def test_files_are_data_or_code_and_the_folders_that_hold_them_are_neither() -> None:
    digests = {
        "stages/train.py": "5",
        "src/relight/runtime/runner.py": "4",
        "data/split/train.safetensors": "1",
        "src/relight/runtime": "3",
        "src/relight/runtime/lifetime.py": "2",
    }
    data, code = split_data_and_code(digests)
    assert data == {"data/split/train.safetensors": "1"}
    assert code == {
        "src/relight/runtime/lifetime.py": "2",
        "src/relight/runtime/runner.py": "4",
        "stages/train.py": "5",
    }


def test_of_nothing_there_is_nothing() -> None:
    assert split_data_and_code({}) == ({}, {})


def test_versions_that_differ_are_told_with_the_recorded_one_first() -> None:
    recorded, here = {"numpy": "2.0", "tabm": "1", "torch": "2.9.0"}, {"torch": "2.10.0", "numpy": "2.0", "polars": "3"}
    assert changed_versions(recorded, here) == ["polars none → 3", "tabm 1 → none", "torch 2.9.0 → 2.10.0"]
    assert changed_versions(here, here) == []
