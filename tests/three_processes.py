"""Run by each of three processes: what they compute together, and what one computes on its own. The first prints it."""

import io
import json
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from relight.model.build import untrained_model
from relight.model.params import ModelParams
from relight.model.table import build_rows, preprocess_rows, trainable_module
from relight.train.batches import InMemoryBatches
from relight.train.distributed.group import DistributedBatches, ProcessGroup, SingleProcess, process_seed
from relight.train.distributed.process_group import DistributedGroup
from relight.train.loop import Validation, fit
from relight.train.losses.losses import Loss, mse
from relight.train.losses.own import OwnLoss
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.params import OptimizerCall, OptimizerParams
from relight.train.optim.schedules import Schedule
from relight.train.state import EarlyStopping, TrainingState
from tests.feature_tables import small_table

SMALL: dict[str, Any] = {"n_blocks": 1, "d_block": 8, "dropout": 0.0}
PLE: dict[str, Any] = {**SMALL, "n_bins": 6, "d_embedding": 3}
FAMILIES: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"mlp": SMALL},
    "mlp_ple": {"mlp_ple": PLE},
    "ft_transformer": {
        "ft_transformer": {"n_blocks": 1, "d_block": 8, "n_heads": 2, "attention_dropout": 0.0, "ffn_dropout": 0.0}
    },
    "tabm": {"tabm": {**PLE, "k": 3}},
    "tabm_small": {"tabm_small": {**PLE, "k": 2}},
}
DROPS = {"mlp": {"n_blocks": 2, "d_block": 40, "dropout": 0.3}}
ADAMW = OptimizerParams(name="adamw", learning_rate=0.02, weight_decay=0.01, momentum=0.0)
RMSPROP = OptimizerCall.model_validate({"call": "torch.optim:RMSprop", "learning_rate": 0.02, "momentum": 0.5})


class Keeps:
    """A watch that saves the state after so many steps, as a checkpoint would."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.kept = io.BytesIO()

    def after_step(self, state: TrainingState) -> None:
        self.left -= 1
        if self.left == 0:
            torch.save(state.save(), self.kept)

    def after_epoch(self, state: TrainingState) -> None: ...

    def at_end(self, state: TrainingState) -> None: ...

    def saved(self) -> dict[str, Any]:
        self.kept.seek(0)
        return dict(torch.load(self.kept, weights_only=True))


def train(
    group: ProcessGroup,
    family: str,
    *,
    sections: dict[str, Any] = FAMILIES,
    seeds: int = 1,
    weighted: bool = False,
    batch_size: Any = 16,
    clip: float | None = None,
    after: int = 0,
    saved: dict[str, Any] | None = None,
    loss_fn: Loss = mse,
    optimizer: OptimizerParams | OptimizerCall = ADAMW,
) -> tuple[TrainingState, Keeps]:
    """Four epochs of 60 rows, in batches of 16, 16, 16 and 12; three processes share them unevenly."""
    table = small_table(weighted=weighted)
    params = ModelParams.model_validate({"name": family, "numeric": "standardize", **sections[family]})
    model = untrained_model(params, table.features, target_scale="standardize", seed=3, seeds=seeds)
    trainee = trainable_module(model)
    state = TrainingState(trainee, build_optimizer(optimizer, trainee, clip), EarlyStopping(9), group)
    torch.manual_seed(process_seed(3, group.rank))
    if saved is not None:
        state.restore(saved)
    train_rows, validation = (
        preprocess_rows(model, build_rows(model, part, "")) for part in (table.train, table.validation)
    )
    batches = InMemoryBatches(train_rows, batch_size, 3)
    watch = Keeps(after)
    fit(
        state,
        batches if group.size == 1 else DistributedBatches(batches, group.rank, group.size),
        Validation(validation, lambda outputs: float(outputs.double().square().mean())),
        loss_fn=loss_fn,
        schedule=Schedule(4, lambda epoch, step: 0.02 / (1 + epoch + step)),
        callbacks=[watch],
    )
    return state, watch


def curve(state: TrainingState) -> list[list[float]]:
    return [list(epoch) for epoch in state.history]


def both(group: ProcessGroup, family: str, **how: Any) -> dict[str, Any]:
    """The curve of three processes, and that of one."""
    three = curve(train(group, family, **how)[0])
    return {"three": three, "one": curve(train(SingleProcess(), family, **how)[0]) if group.rank == 0 else None}


def weights(state: TrainingState) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in state.model.state_dict().items()}


def resumed(group: ProcessGroup, after: int, **how: Any) -> dict[str, Any]:
    """The weights and the curve of a run that never stopped, and of one that goes on from what it saved."""
    never, watch = train(group, "mlp", sections={"mlp": DROPS}, after=after, **how)
    again, _ = train(group, "mlp", sections={"mlp": DROPS}, saved=group.broadcast_state(watch.saved()), **how)
    return {"never": [curve(never), weights(never)], "again": [curve(again), weights(again)]}


def pinball(outputs: Tensor, targets: Tensor, sample_weight: Tensor) -> Tensor:
    """Return the loss of the 0.9 quantile, as a user would write it."""
    below = targets - outputs
    losses = torch.maximum(0.9 * below, -0.1 * below).mean(dim=1)
    return (sample_weight * losses).sum() / sample_weight.sum()


def main() -> None:
    dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=int(sys.argv[2]), world_size=3)
    torch.set_num_threads(1)
    group = DistributedGroup(torch.device("cpu"))
    found = {
        **{family: both(group, family) for family in FAMILIES},
        "copies": both(group, "mlp", seeds=2, clip=0.5),
        "weighted": both(group, "mlp", weighted=True),
        "full": both(group, "mlp", batch_size="full"),
        "rmsprop": both(group, "mlp", optimizer=RMSPROP),
        "two rows": both(group, "mlp", batch_size=2),
        "own loss": both(group, "mlp", weighted=True, loss_fn=OwnLoss(pinball, "pinball")),
        "resumed in the middle": resumed(group, after=6),
        "resumed at the start": resumed(group, after=1),
        "resumed with rmsprop": resumed(group, after=6, optimizer=RMSPROP),
    }
    if group.rank == 0:
        sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
