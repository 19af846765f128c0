from relight.runtime.nested import changed_values, differing_keys, flatten, flatten_to_text, varying_keys


def test_keys_are_dotted_and_an_empty_mapping_is_a_value() -> None:
    assert flatten({"train": {"optimizer": {"name": "adam"}, "sizes": [1, 2], "none": {}}, "seed": 3}) == {
        "train.optimizer.name": "adam", "train.sizes": [1, 2], "train.none": {}, "seed": 3
    }  # fmt: skip


def test_a_number_is_the_same_text_however_it_is_written() -> None:
    first = flatten_to_text({"train": {"rate": "1e-3", "seed": "42", "stop": "~", "sizes": ["1", "2"], "none": {}}})
    other = flatten_to_text({"train": {"rate": "0.001", "seed": "43", "stop": "null", "sizes": ["1", "3"]}})
    assert first["train.rate"] == other["train.rate"] == "0.001"
    assert changed_values(first, other) == [("train.seed", "43"), ("train.sizes", "[1, 3]"), ("train.none", "–")]
    assert varying_keys([first, other, first]) == ["train.seed", "train.sizes", "train.none"]


def test_texts_stay_as_they_are() -> None:
    kept = ["1e", "e5", "1.2.3", "00:30", "4294967295", "fold.1", "-", "."]
    assert list(flatten_to_text({str(k): text for k, text in enumerate(kept)}).values()) == kept


def test_keys_that_differ_are_named_in_their_order() -> None:
    assert differing_keys({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}) == ["a.c", "d"]
    assert differing_keys({"a": {}}, {"a": {"b": {"c": 1}}, "0": {"d": 1}}) == ["0", "a.b"]
