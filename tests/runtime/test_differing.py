from relight.runtime.nested import changed_values, flatten, varying_keys


def test_keys_are_dotted_and_a_number_is_the_same_however_it_is_written() -> None:
    first = flatten({"train": {"rate": "1e-3", "seed": "42", "stop": "~", "sizes": ["1", "2"], "none": {}}})
    other = flatten({"train": {"rate": "0.001", "seed": "43", "stop": "null", "sizes": ["1", "3"]}})
    assert first["train.rate"] == other["train.rate"] == "0.001"
    assert changed_values(first, other) == [("train.seed", "43"), ("train.sizes", "[1, 3]"), ("train.none", "–")]
    assert varying_keys([first, other, first]) == ["train.seed", "train.sizes", "train.none"]


def test_texts_stay_as_they_are() -> None:
    kept = ["1e", "e5", "1.2.3", "00:30", "4294967295", "fold.1", "-", "."]
    assert list(flatten({str(k): text for k, text in enumerate(kept)}).values()) == kept
