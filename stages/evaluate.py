"""evaluate: the saved model and all rows → metrics, predictions of the test rows, score curves."""

from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.runtime.runner import Stage, run_stage


def main(stage: Stage) -> None:
    evaluate(
        stage.params("evaluate", EvaluateParams),
        weights=stage.dep("models/model.pth"),
        description=stage.dep("models/model.json"),
        schema=stage.dep("data/prepared/schema.json"),
        table=stage.dep("data/prepared/table.parquet"),
        train_rows=stage.dep("data/split/train.safetensors"),
        validation_rows=stage.dep("data/split/validation.safetensors"),
        test_rows=stage.dep("data/split/test.safetensors"),
        metrics=stage.out("reports/metrics.json"),
        reports=stage.out("reports/evaluate"),
    )


if __name__ == "__main__":
    run_stage("evaluate", main)
