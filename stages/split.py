"""split: the table → train, validation and test tensors, and the statistics of the train rows."""

from relight.runtime.runner import Stage, run_stage
from relight.split.params import SplitParams
from relight.split.split import split


def main(stage: Stage) -> None:
    split(
        stage.params("split", SplitParams),
        table=stage.dep("data/prepared/table.parquet"),
        schema=stage.dep("data/prepared/schema.json"),
        train=stage.out("data/split/train.safetensors"),
        validation=stage.out("data/split/validation.safetensors"),
        test=stage.out("data/split/test.safetensors"),
        features=stage.out("data/split/features.json"),
        report=stage.out("data/split/report.json"),
    )


if __name__ == "__main__":
    run_stage("split", main)
