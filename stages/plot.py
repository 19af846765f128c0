"""plot: the reports → pictures, one page that shows everything and opens offline, and the model card."""

from relight.plot.params import PlotParams
from relight.plot.plot import plot
from relight.runtime.runner import Stage, run_stage


def main(stage: Stage) -> None:
    plot(
        stage.params("plot", PlotParams),
        all_params=stage.all_params(),
        schema=stage.dep("data/prepared/schema.json"),
        split_report=stage.dep("data/split/report.json"),
        description=stage.dep("models/model.json"),
        curves=stage.dep("reports/train/curves.csv"),
        metrics=stage.dep("reports/metrics.json"),
        reports=stage.dep("reports/evaluate"),
        extra=stage.files_below("reports/extra"),
        plots=stage.out("reports/plots"),
        page=stage.out("reports/report.html"),
        card=stage.out("models/README.md"),
    )


if __name__ == "__main__":
    run_stage("plot", main)
