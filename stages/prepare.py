"""prepare: the source → a clean, typed table and its schema."""

from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.runtime.runner import Stage, run_stage


def main(stage: Stage) -> None:
    params = stage.params("prepare", PrepareParams)
    prepare(
        params,
        source=stage.dep(params.source),
        table=stage.out("data/prepared/table.parquet"),
        schema=stage.out("data/prepared/schema.json"),
    )


if __name__ == "__main__":
    run_stage("prepare", main)
