"""Every optimizer class of PyTorch: it takes the steps of the class itself and resumes, or says why it cannot."""

import inspect
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from relight.errors import InputError
from relight.model.pipeline import DeepEnsemble
from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.loop import Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.clipping import GradientClip
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.params import OptimizerCall, ScheduleParams
from relight.train.optim.schedules import build_schedule
from relight.train.params import TrainParams
from relight.train.state import TrainingState
from tests.watches import Unwatched

RATE, EPOCHS = 0.01, 3
CLASSES = sorted(
    name
    for name, value in vars(torch.optim).items()
    if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
)
SETTINGS: dict[str, dict[str, Any]] = {  # as YAML gives them
    "Adam": {"betas": [0.8, 0.9], "amsgrad": True},
    "Adafactor": {"eps": [None, 0.01]},
    "LBFGS": {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 4},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Rprop": {"etas": [0.4, 1.3], "step_sizes": [0.00001, 1]},
    "SGD": {"momentum": 0.9, "nesterov": True},
}
UNFIT = {  # and what PyTorch says of it
    "Muon": "refuses its settings or the weights of this network: Muon only supports 2D parameters",
    "SparseAdam": "does not support dense gradients",
}
ALL: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in CLASSES] + list(SETTINGS.items())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def call(name: str, **settings: Any) -> OptimizerCall:
    return OptimizerCall.model_validate({"call": f"torch.optim:{name}", "learning_rate": RATE, **settings})


class Numbers(nn.Module):
    """BatchNorm has buffers, Dropout draws."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1, bias=False)
        )

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(numbers)
        return out


def network() -> nn.Module:
    torch.manual_seed(11)
    return Numbers()


def noise() -> Rows:
    generator = torch.Generator().manual_seed(22)
    return Rows((torch.randn(36, 6, generator=generator),), torch.randn(36, 1, generator=generator))


class Keeping(Unwatched):
    """Keeps the bytes of a checkpoint after each step."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def after_step(self, state: TrainingState) -> None:
        buffer = io.BytesIO()
        torch.save(state.save(), buffer)
        self.kept.append(buffer.getvalue())


def train(state: TrainingState, watch: Unwatched, schedule: ScheduleParams) -> list[bytes]:
    rows = noise()
    batches = InMemoryBatches(rows, 8, seed=3)
    fit(
        state,
        batches,
        Validation(rows, lambda outputs: float(outputs.square().mean())),
        loss_fn=mse,
        schedule=build_schedule(schedule, peak=RATE, epochs=EPOCHS, n_steps=batches.n_steps),
        callbacks=[watch],
    )
    return [repr(state.history).encode(), *(value.numpy().tobytes() for value in state.model.state_dict().values())]


@cache
def one_cycle() -> ScheduleParams:
    return ScheduleParams(name="one_cycle")


def clip_of(name: str) -> float | None:
    """Gradients of LBFGS are not clipped."""
    return None if name == "LBFGS" else 0.3


def by_hand(name: str, settings: dict[str, Any]) -> list[bytes] | Exception:
    """PyTorch's own loop on the same batches: the weights, or what PyTorch raises."""
    model, max_norm = network(), clip_of(name)
    torch.manual_seed(5)
    model.train()

    def closure_of(batch: Rows) -> Callable[[], torch.Tensor]:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = mse(model(*batch.inputs), batch.target, None)
            loss.backward()  # type: ignore[no-untyped-call]
            if max_norm is not None:
                GradientClip([list(model.parameters())], max_norm)()
            return loss

        return closure

    try:
        given = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=RATE, **given)
        for epoch in range(EPOCHS):
            for batch, _, _ in InMemoryBatches(noise(), 8, seed=3).epoch_batches(epoch):
                optimizer.step(closure_of(batch))
    except Exception as error:
        return error
    return [value.numpy().tobytes() for value in model.state_dict().values()]


def test_the_classes_are_those_that_pytorch_has_today() -> None:
    """A class that comes with another PyTorch is tested like these: it trains, or PyTorch says why not."""
    assert {"Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS", "NAdam"} <= set(CLASSES)
    assert {"RAdam", "RMSprop", "Rprop", "SGD", *UNFIT} <= set(CLASSES)


@pytest.mark.parametrize(("name", "settings"), ALL)
def test_it_takes_the_steps_of_the_class_itself_or_is_refused_as_pytorch_refuses_it(
    name: str, settings: dict[str, Any]
) -> None:
    """The loop by hand, on the same batches, with the gradients clipped."""
    expected, model = by_hand(name, settings), network()
    assert isinstance(expected, Exception) == (name in UNFIT)
    if isinstance(expected, Exception):
        with pytest.raises(InputError) as error:
            build_optimizer(call(name), model)
        assert error.value.problems[0].startswith(f"train.optimizer: torch.optim:{name} {UNFIT[name]}")
        assert UNFIT[name].rpartition(name)[2] in str(expected)
        assert error.value.problems[0].endswith("take sgd, adam, adamw, or another class of torch.optim")
        return
    state = TrainingState(model, build_optimizer(call(name, **settings), model, gradient_clip=clip_of(name)))
    torch.manual_seed(5)
    assert train(state, Unwatched(), ScheduleParams())[1:] == expected


@pytest.mark.parametrize(("name", "settings"), [one for one in ALL if one[0] not in UNFIT])
def test_continued_at_any_step_it_ends_with_the_same_bits(name: str, settings: dict[str, Any]) -> None:
    def untrained() -> TrainingState:
        model, changes = network(), name != "Rprop"
        return TrainingState(model, build_optimizer(call(name, **settings), model, clip_of(name), rate_changes=changes))

    watch, schedule = Keeping(), ScheduleParams() if name == "Rprop" else one_cycle()
    whole = train(untrained(), watch, schedule)
    assert len(watch.kept) == EPOCHS * 5
    for kept in watch.kept:
        state = untrained()
        torch.manual_seed(12345)  # another process has drawn other numbers
        state.restore(torch.load(io.BytesIO(kept), map_location="cpu", weights_only=True))
        assert train(state, Unwatched(), schedule) == whole


def test_the_base_of_all_optimizers_is_none() -> None:
    with pytest.raises(InputError, match=r"must be a class derived from torch.optim.Optimizer; take sgd, adam, adamw"):
        build_optimizer(call("Optimizer"), network())


def test_muon_trains_a_network_of_matrices() -> None:
    model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))
    optimizer = build_optimizer(call("Muon"), model)
    before = [weight.detach().clone() for weight in model.parameters()]

    def closure() -> torch.Tensor:
        loss = mse(model(*noise().inputs), noise().target, None)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)
    assert not any(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("torch.optim:RMSProp", {}, "train.optimizer: must be a class of torch.optim, got torch.optim:RMSProp; did you "
         "mean RMSprop?"),
        ("torch.optim.rmsprop:RMSprop", {}, "train.optimizer: torch.optim.rmsprop: must be a module of this project"),
        ("torch.optim:lr_scheduler", {}, "train.optimizer: must be a class of torch.optim, got torch.optim:lr_sched"),
        ("torch.nn:Linear", {}, "train.optimizer: torch.nn:Linear must be a class derived from torch.optim.Optimizer"),
        ("subprocess:run", {}, "train.optimizer: subprocess: must be a module of this project, got one of Python's"),
        ("torch.optim:RMSprop", {"alfa": 0.9}, "train.optimizer.alfa: is unknown to torch.optim:RMSprop; did you mean "
         "alpha?"),
        ("torch.optim:RMSprop", {"alpha": -1}, "train.optimizer: torch.optim:RMSprop refuses its settings or the "
         "weights of this network: Invalid alpha value: -1; correct its settings, or take sgd"),
        ("torch.optim:Adam", {"betas": 0.9}, "train.optimizer: torch.optim:Adam refuses its settings or the weights"),
        ("torch.optim:SGD", {"nesterov": True}, "train.optimizer: torch.optim:SGD refuses its settings or the weights "
         "of this network: Nesterov momentum requires a momentum and zero dampening; correct its settings"),
        ("torch.optim:Adam", {"capturable": True}, "train.optimizer: torch.optim:Adam cannot take a step: If capturab"),
        ("torch.optim:Adam", {"differentiable": True}, "train.optimizer.differentiable: must be false, because no"),
        ("torch.optim:Adam", {"fused": True, "foreach": True}, "train.optimizer: torch.optim:Adam refuses its set"),
    ],
)  # fmt: skip
def test_wrong_names_and_settings_are_said_before_the_training(
    target: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as error:
        build_optimizer(OptimizerCall(call=target, learning_rate=RATE, **settings), network())
    assert error.value.problems[0].startswith(said)


@pytest.mark.parametrize("settings", [{"fused": True}, {"foreach": True}, {"foreach": False}])
def test_the_ways_to_compute_a_step_agree(settings: dict[str, Any]) -> None:
    ends = []
    for each in ({}, settings):
        torch.manual_seed(5)
        model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
        state = TrainingState(model, build_optimizer(call("Adam", **each), model))
        train(state, Unwatched(), ScheduleParams())
        ends.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    torch.testing.assert_close(ends[0], ends[1])


def test_the_trial_leaves_the_weights_and_the_random_numbers_as_they_were() -> None:
    model = network()
    before, next_numbers = [weight.detach().clone() for weight in model.parameters()], torch.get_rng_state()
    build_optimizer(call("RMSprop"), model)
    assert torch.equal(torch.get_rng_state(), next_numbers)
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert all(weight.grad is None for weight in model.parameters())


def test_copies_learn_as_each_would_alone() -> None:
    def trained(model: nn.Module) -> list[torch.Tensor]:
        state = TrainingState(model, build_optimizer(call("RMSprop"), model, gradient_clip=0.5))
        train(state, Unwatched(), one_cycle())
        return list(model.state_dict().values())

    def line() -> nn.Module:
        return nn.Linear(6, 1)

    torch.manual_seed(1)
    networks = [line(), line()]
    alone = [nn.Linear(6, 1) for _ in networks]
    for copy, model in zip(alone, networks, strict=True):
        copy.load_state_dict(model.state_dict())
    together = trained(DeepEnsemble(networks))
    for one, other in zip(together, [value for model in alone for value in trained(model)], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


TRAIN: dict[str, Any] = {
    "seed": 1, "epochs": 2, "batch_size": 8, "loss": "auto", "early_stopping": None, "device": "auto", "threads": 1,
}  # fmt: skip
RMSPROP = {"call": "torch.optim:RMSprop", "learning_rate": 0.001}
SGD = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"optimizer": RMSPROP}, "cuda_graph must be false with torch.optim:RMSprop; only sgd, adam and adamw are rec"),
        ({"optimizer": SGD, "schedule": {"name": "one_cycle"}},
         "cuda_graph must be false with one_cycle, which changes the learning rate in each step"),
        ({"optimizer": SGD, "schedule": {"call": "houses.schedules:mine"}},
         "cuda_graph must be false with houses.schedules:mine, which changes the learning rate in each step"),
    ],
)  # fmt: skip
def test_no_step_is_recorded_with_it(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainParams.model_validate({**TRAIN, **section, "cuda_graph": True})
    assert TrainParams.model_validate({**TRAIN, **section})


def test_params_are_written_as_they_were_read() -> None:
    params = TrainParams.model_validate({**TRAIN, "optimizer": {**RMSPROP, "alpha": 0.9}})
    assert params.optimizer.learning_rate == 0.001
    assert params.model_dump(mode="json")["optimizer"] == {**RMSPROP, "alpha": 0.9}


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        ({"call": "torch.optim:RMSprop"}, "Field required"),
        ({**RMSPROP, "learning_rate": 0}, "Input should be greater than 0"),
        ({**RMSPROP, "learning_rate": "fast"}, "Input should be a valid number"),
        ({"call": "torch.optim:RMSprop", "lr": 0.1}, "lr must be written learning_rate; rename it"),
    ],
)
def test_a_learning_rate_is_needed(optimizer: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        TrainParams.model_validate({**TRAIN, "optimizer": optimizer})
    assert error.value.errors()[0]["msg"] == said


WITHOUT_DYNAMO = """
import sys
from relight.train.optim.checks import assert_optimizer_fits
from relight.train.params import TrainParams

params = TrainParams.model_validate({TRAIN})
assert_optimizer_fits(params, own_network=False)
print("torch.optim" in sys.modules, "torch._dynamo" in sys.modules)
"""


def test_its_name_and_settings_are_checked_without_dynamo() -> None:
    script = WITHOUT_DYNAMO.replace("{TRAIN}", repr({**TRAIN, "optimizer": RMSPROP}))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
