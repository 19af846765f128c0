import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.build import build_model
from relight.model.checks import resolve_target_scale
from relight.model.networks.categories import ConcatFeatures
from relight.model.networks.mlp import Linear, LinearParameters, Mlp
from relight.model.params import MlpParams, ModelParams, TabmParams
from relight.model.pipeline import TabularModel
from tests.feature_tables import category, features_of, number

SMALL = TabmParams(k=2, n_blocks=1, d_block=4, n_bins=2, d_embedding=3)


def model_params(name: Any, numeric: Any = "none") -> ModelParams:
    return ModelParams(name=name, numeric=numeric, mlp=MlpParams(n_blocks=1, d_block=4, dropout=0))


def features(n_numeric: int = 1, gaps: int = 0, levels: int = 0, task: Any = "regression") -> Features:
    numbers = [number(f"x{k}", [-1, 0, 3], gaps=gaps) for k in range(n_numeric)]
    return features_of(numbers, [category("c", levels)] if levels else [], task=task, target=[0, 1])


def build(params: ModelParams, seen: Features) -> nn.Module:
    return build_model(params, seen, target_scale=resolve_target_scale(params, seen))


def test_without_a_front_the_keys_are_exactly_the_tutorials() -> None:
    bare = build(model_params("linear_parameters"), features())
    layer = build(model_params("linear"), features())
    assert list(bare.state_dict()) == ["weights", "bias"]
    assert list(layer.state_dict()) == ["linear_layer.weight", "linear_layer.bias"]


def test_the_keys_say_what_is_front_and_body_and_back() -> None:
    model = build(model_params("linear", "standardize"), features())
    front = [
        "preprocessor.mean",
        "preprocessor.keep",
        "preprocessor.with_gaps",
        "preprocessor.scaling.shift",
        "preprocessor.scaling.scale",
    ]
    body = ["network.network.linear_layer.weight", "network.network.linear_layer.bias"]
    assert list(model.state_dict()) == [*front, *body, "target_transform.mean", "target_transform.scale"]


@pytest.mark.parametrize("numeric", ["none", "standardize"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "distribution"])
def test_classes_have_a_temperature_to_come_back_by(task: str, numeric: str) -> None:
    model = build(model_params("linear", numeric), features(task=task))
    assert [name for name in model.state_dict() if name.startswith("target_transform")] == [
        "target_transform.temperature"
    ]


def test_a_target_in_its_own_unit_has_no_back() -> None:
    model = build_model(model_params("linear", "standardize"), features(), target_scale="none")
    assert not any(name.startswith("target_transform") for name in model.state_dict())


@pytest.mark.parametrize(("name", "kind"), [("linear_parameters", LinearParameters), ("linear", Linear), ("mlp", Mlp)])
def test_each_plain_name_builds_its_network_with_and_without_a_front(name: str, kind: type) -> None:
    assert isinstance(build(model_params(name), features()), kind)
    fronted = build(model_params(name, "standardize"), features())
    assert isinstance(fronted, TabularModel)
    assert isinstance(fronted.network, ConcatFeatures)
    assert isinstance(fronted.network.network, kind)


NAMES = ["linear", "mlp", "mlp_ple", "ft_transformer", "tabm", "tabm_small"]
TABLES = {"numbers": (3, 0, 0), "categories": (0, 0, 40), "numbers with gaps": (2, 5, 0), "both": (2, 1, 3)}


@pytest.mark.parametrize(("task", "d_out"), [("regression", 1), ("binary", 1), ("multiclass", 3), ("distribution", 3)])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", NAMES)
def test_every_family_reads_every_table_and_says_one_number_or_one_for_each_class(
    name: str, table: str, task: str, d_out: int
) -> None:
    n_numeric, gaps, levels = TABLES[table]
    seen = features(n_numeric, gaps, levels, task)
    params = model_params(name, "quantile_normal").model_copy(update={"tabm": SMALL, "tabm_small": SMALL})
    model = build(params, seen).eval()
    numeric = torch.tensor([[float("nan")], [0], [1e9], [-1e9], [0.5]]).expand(5, n_numeric)
    categories = torch.tensor([[0], [1], [1], [0], [levels]]).expand(5, bool(levels))
    outputs = model(numeric, categories)
    assert outputs.shape == ((5, 2, d_out) if name.startswith("tabm") else (5, d_out))
    assert outputs.isfinite().all()
    rebuilt = build(params, seen).eval()
    rebuilt.load_state_dict(model.state_dict())
    assert torch.equal(rebuilt(numeric, categories), outputs)


@pytest.mark.parametrize("name", NAMES)
def test_every_family_tells_a_known_level_from_an_unknown_one(name: str) -> None:
    model = build(model_params(name, "standardize"), features(1, 0, 4)).eval()
    one, other = (model(torch.zeros(1, 1), torch.tensor([[code]])) for code in (0, 2))
    assert not torch.equal(one, other)


def test_the_body_is_as_wide_as_the_front_makes_it() -> None:
    # two numbers, two indicators of gaps, three levels
    for name in ("linear", "mlp"):
        model = build(model_params(name), features(n_numeric=2, gaps=1, levels=3))
        assert isinstance(model, TabularModel)
        assert next(model.network.parameters()).shape[1] == 7


@pytest.mark.parametrize(("name", "n_members"), [("linear", 3), ("tabm", 6)])
def test_several_seeds_stand_side_by_side(name: str, n_members: int) -> None:
    params = model_params(name, "standardize").model_copy(update={"tabm": SMALL})
    model = build_model(params, features(2), target_scale="standardize", seeds=3)
    assert model(torch.zeros(5, 2), torch.zeros(5, 0)).shape == (5, n_members, 1)


def test_a_straight_line_does_not_wait_for_the_packages_of_other_families() -> None:
    code = (
        "import sys; from relight.model.build import build_model; "
        "print([name for name in ('sklearn', 'tabm', 'rtdl_num_embeddings') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_that_cannot_read_the_features_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.name: linear_parameters must have one numeric column"):
        build(model_params("linear_parameters"), features(n_numeric=2))
