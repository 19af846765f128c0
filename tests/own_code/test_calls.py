"""A call in params.yaml: which texts are one, its settings, where the calls of a file are."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from relight.own_code.calls import Call, find_calls, is_well_formed
from relight.runtime.strict_yaml import read_yaml


@pytest.mark.parametrize(
    "text", ["own:Net", "houses.networks:ResidualMlp", "_a._b:_c", "häuser.netze:Übung", "网络:网"]
)
def test_a_module_a_colon_and_a_name_are_a_call(text: str) -> None:
    assert is_well_formed(text)
    call = Call(call=text)
    assert f"{call.module}:{call.name}" == str(call) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "own", "own:", ":Net", "own.Net", "own:Net:x", "own:Net.make", "own..nets:Net", ".own:Net"),
        *("../own:Net", "/etc/own:Net", "own/nets:Net", "own\\nets:Net", "own nets:Net", "own:Net()", "own:Net\n"),
        *("own:1", "1own:Net", "own-nets:Net", "own\x00:Net", "o\uff53:system", "own:\ufb01t", "own.py:Net"[:6]),
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert not is_well_formed(text)
    with pytest.raises(ValidationError):
        Call(call=text)


def test_settings_are_all_other_keys_whatever_their_names() -> None:
    given: dict[str, Any] = {"name": "a", "module": 1, "settings": [2], "model_extra": {}, "_fields_set": 3}
    call = Call.model_validate({"call": "own:Net", **given})
    assert call.settings == given
    assert (call.module, call.name) == ("own", "Net")


def test_the_calls_of_a_file_have_their_dotted_keys() -> None:
    params = {
        "prepare": {"reader": {"call": "own.data:read", "sheet": 2}},
        "model": {"name": {"call": "own.nets:Net", "_fields_set": 3}},
        "train": {"loss": "mse", "schedule": {"call": "own/../steps:x"}, "call": 5},
        "evaluate": {"metrics": [{"call": "own.metrics:a"}, "mae", {"call": "own.metrics:b"}]},
    }
    found = [(key, call.call, call.settings) for key, call in find_calls(params)]
    assert found == [
        ("prepare.reader", "own.data:read", {"sheet": 2}),
        ("model.name", "own.nets:Net", {"_fields_set": 3}),
        ("evaluate.metrics.0", "own.metrics:a", {}),
        ("evaluate.metrics.2", "own.metrics:b", {}),
    ]


def test_dvc_reads_a_call_in_braces_that_an_experiment_has_rewritten(tmp_path: Path) -> None:
    """DVC drops the quotes. Its C parser (ruamel.yaml.clib) could not read that, so it is no dependency."""
    from dvc.utils.serialize import load_yaml, modify_yaml

    params = tmp_path / "params.yaml"
    params.write_text('train:\n  loss: {call: "houses.losses:pinball", quantile: 0.9}\n')
    with modify_yaml(str(params)) as content:
        content["train"]["loss"]["quantile"] = 0.5
    assert "call: houses.losses:pinball," in params.read_text()
    expected = {"train": {"loss": {"call": "houses.losses:pinball", "quantile": 0.5}}}
    assert load_yaml(str(params)) == read_yaml(params).value == expected
