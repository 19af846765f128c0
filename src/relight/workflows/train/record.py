"""What is written about a training: for its checkpoints, for predict, for trace."""

import torch

from relight.domain.description import Description, proof_of
from relight.domain.fitting import Training
from relight.domain.manifest import Manifest, data_and_code
from relight.domain.pair_scale import scale_of
from relight.domain.predicting import predict
from relight.domain.training_state import Epoch
from relight.io.resume import About
from relight.io.runner.rank import Rank
from relight.io.versions import all_versions, versions
from relight.params.model import ModelParams
from relight.params.train import TrainParams

OF_THIS_RUN = {"checkpoint_seconds", "memory_gb"}  # params that change no bit of the result


def about_training(
    model: ModelParams, params: TrainParams, digests: dict[str, str], device: torch.device, rank: Rank | None
) -> About:
    """All that the weights depend on. More epochs go on from a checkpoint where the rate does not depend on them."""
    free = {*OF_THIS_RUN, *(["epochs"] if params.schedule.name == "constant" else [])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**versions(), "torch": torch.__version__},
        **({} if rank is None else {"processes": rank.processes}),
        **digests,
    }


def describe_training(training: Training, history: list[Epoch], processes: int) -> Description:
    params, settled = training.params, training.settled
    best = min(history, key=lambda epoch: epoch.validation_score) if params.early_stopping else history[-1]
    return Description(
        **settled._asdict(),
        features=training.features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        processes=processes,
        similarity=scale_of(training.model, training.parts, known) if (known := training.features).pairs else None,
        epochs=len(history),
        best_epoch=best.epoch,
        proof=proof_of(predict(training.model, training.parts.validation.rows.inputs)),
        versions=versions(),
    )


def manifest_of(
    model: ModelParams,
    params: TrainParams,
    digests: dict[str, str],
    device: torch.device,
    processes: int,
    made: dict[str, str],
) -> Manifest:
    data, code = data_and_code(digests)
    return Manifest(
        params={
            "model": model.model_dump(mode="json"),
            "train": params.model_dump(mode="json", exclude=OF_THIS_RUN),
        },
        data=data,
        code=code,
        versions=all_versions(),
        seed=params.seed,
        seeds=params.seeds,
        device=device.type,
        threads=params.threads,
        processes=processes,
        made=made,
    )
