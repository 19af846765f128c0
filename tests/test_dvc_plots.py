"""`dvc plots` only warns, and exits 0, where a plot of dvc.yaml names a file or column that is not there."""

from tests.repositories import Repository


def test_every_plot_of_dvc_yaml_can_be_drawn(finished: Repository) -> None:
    """They draw a regression, too, whose ROC curve and calibration have no rows."""
    done = finished.run("dvc", "plots", "show", "-o", ".dvc/tmp/plots")
    assert done.returncode == 0
    assert "WARNING" not in done.stdout + done.stderr
    page = (finished.root / ".dvc/tmp/plots/index.html").read_text()
    for title in (
        "Loss",
        "Predicted against true (test rows)",
        "Residuals (test rows)",
        "The line after",
        "line_after.png",
    ):
        assert title in page
