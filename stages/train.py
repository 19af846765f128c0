"""train: the train and validation tensors → a model and its curves."""

from relight.model.params import ModelParams
from relight.runtime.runner import Stage, run_stage
from relight.train.params import TrainParams
from relight.train.train import train


def main(stage: Stage) -> None:
    train(
        stage.params("model", ModelParams),
        stage.params("train", TrainParams),
        train_rows=stage.dep("data/split/train.safetensors"),
        validation_rows=stage.dep("data/split/validation.safetensors"),
        features=stage.dep("data/split/features.json"),
        weights=stage.out("models/model.pth"),
        description=stage.out("models/model.json"),
        manifest=stage.out("models/manifest.json"),
        curves=stage.out("reports/train/curves.csv"),
        live_curves=stage.live("reports/train/curves.csv"),
        speed=stage.untracked("speed.json"),
        kept=stage.checkpoints(),
        digests=stage.digests(),
    )


if __name__ == "__main__":
    run_stage("train", main, shared=True)
