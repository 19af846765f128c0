"""post: the predictions → their largest errors, for the end of the report."""

import polars as pl
from pydantic import BaseModel

from relight.runtime.runner import Stage, run_stage


class PostParams(BaseModel):
    n_rows: int


def main(stage: Stage) -> None:
    params = stage.params("post", PostParams)
    table = pl.read_csv(stage.dep("reports/evaluate") / "predictions.csv")
    folder = stage.out("reports/extra")
    folder.mkdir()
    error = (pl.col("prediction") - pl.col("target")).abs()
    table.with_columns(error=error).sort("error", descending=True).head(params.n_rows).write_csv(folder / "errors.csv")


if __name__ == "__main__":
    run_stage("post", main)
