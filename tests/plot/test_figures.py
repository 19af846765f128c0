import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from relight.plot.figures import (
    MAX_CONFUSION_LABELS,
    plot_confusion_matrix,
    plot_line,
    plot_loss_curves,
    plot_predicted_against_true,
    plot_reliability,
    plot_residuals,
    plot_roc_curve,
    plot_score_curve,
)

POINTS = pl.DataFrame(
    {
        "part": ["train", "train", "test"],
        "x": [0.0, 1.0, 2.0],
        "y": [10.0, 11.0, 12.0],
        "before": [20.0, 21.0, 22.0],
        "after": [30.0, 31.0, 32.0],
    }
)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def clouds(figure: Figure) -> dict[str, PathCollection]:
    return {str(c.get_label()): c for c in axes_of(figure).collections if isinstance(c, PathCollection)}


def drawn(figure: Figure) -> list[list[list[float]]]:
    """The points of each plain line of the picture."""
    return [np.asarray(line_.get_xydata()).tolist() for line_ in axes_of(figure).lines]


def labels(figure: Figure) -> list[str]:
    legend = axes_of(figure).get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


@pytest.mark.parametrize(("when", "predicted"), [("before", 22.0), ("after", 32.0)])
def test_the_tutorials_picture_has_its_points_colours_and_sizes(when: str, predicted: float) -> None:
    figure = plot_line(POINTS, when)
    seen = {
        name: (np.asarray(cloud.get_offsets()).tolist(), tuple(cloud.get_facecolor()[0]), cloud.get_sizes().tolist())
        for name, cloud in clouds(figure).items()
    }
    assert seen == {
        "Train data": ([[0, 10], [1, 11]], to_rgba("blue"), [4]),
        "Test data": ([[2, 12]], to_rgba("g"), [4]),
        "Predictions": ([[2, predicted]], to_rgba("red"), [4]),
    }
    assert figure.get_size_inches().tolist() == [10, 7]
    assert [text.get_fontsize() for text in axes_of(figure).get_legend().get_texts()] == [14, 14, 14]
    assert axes_of(figure).get_title() == f"Predictions {when} training"


def test_loss_curves_show_both_losses_over_the_epochs() -> None:
    curves = pl.DataFrame({"epoch": [0, 1], "train_loss": [3.0, 2.0], "validation_loss": [5.0, 4.0]})
    figure = plot_loss_curves(curves, "test", best_epoch=1)
    assert dict(zip(labels(figure), drawn(figure), strict=True)) == {
        "test": [[0, 5], [1, 4]],
        "train": [[0, 3], [1, 2]],
    }
    assert axes_of(figure).get_yscale() == "linear"


def test_loss_curves_mark_the_epoch_whose_weights_were_kept() -> None:
    curves = pl.DataFrame({"epoch": [0, 1, 2], "train_loss": [3.0, 2.0, 1.0], "validation_loss": [5.0, 4.0, 6.0]})
    figure = plot_loss_curves(curves, "validation", best_epoch=1)
    assert labels(figure)[-1] == "best epoch (1)"
    assert [x for x, _ in drawn(figure)[-1]] == [1, 1]


@pytest.mark.parametrize(("last", "scale"), [(1.0, "linear"), (0.01, "log"), (0.0, "linear")])
def test_losses_over_a_factor_of_twenty_stand_on_a_log_scale_unless_one_is_zero(last: float, scale: str) -> None:
    curves = pl.DataFrame({"epoch": [0, 1], "train_loss": [3.0, last], "validation_loss": [3.0, 2.0]})
    assert axes_of(plot_loss_curves(curves, "validation", best_epoch=1)).get_yscale() == scale


def test_predictions_stand_over_the_truth_with_the_diagonal() -> None:
    figure = plot_predicted_against_true(pl.DataFrame({"target": [1.0, 4.0], "prediction": [0.0, 3.0]}))
    (cloud,) = clouds(figure).values()
    assert np.asarray(cloud.get_offsets()).tolist() == [[1, 0], [4, 3]]
    assert drawn(figure) == [[[0, 0], [4, 4]]]


def test_residuals_stand_over_the_predictions() -> None:
    figure = plot_residuals(pl.DataFrame({"prediction": [0.0, 3.5], "residual": [-1.0, -0.5]}))
    (cloud,) = clouds(figure).values()
    assert np.asarray(cloud.get_offsets()).tolist() == [[0, -1], [3.5, -0.5]]


def test_a_confusion_matrix_counts_the_rows_of_each_pair() -> None:
    table = pl.DataFrame({"target": ["a", "a", "b", "c"], "prediction": ["a", "b", "b", "b"]})
    axes = axes_of(plot_confusion_matrix(table, ["a", "b", "c"]))
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    counts = [[cells[predicted, true] for predicted in range(3)] for true in range(3)]
    assert counts == [["1", "1", "0"], ["0", "1", "0"], ["0", "1", "0"]]
    assert np.asarray(axes.images[0].get_array()).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]


def test_a_long_label_is_cut_and_a_dollar_is_no_formula() -> None:
    classes = ["$x_1$", "a label of more than twenty letters"]
    axes = axes_of(plot_confusion_matrix(pl.DataFrame({"target": classes, "prediction": classes}), classes))
    first, second = (tick.get_text() for tick in axes.get_yticklabels())
    assert first == r"\$x_1\$"
    assert second == "a label of more tha…"


def test_a_confusion_matrix_of_many_classes_is_drawn_without_labels() -> None:
    classes = [f"{k:02d}" for k in range(MAX_CONFUSION_LABELS + 1)]
    axes = axes_of(plot_confusion_matrix(pl.DataFrame({"target": classes, "prediction": classes}), classes))
    assert len(axes.texts) == 0
    assert np.asarray(axes.images[0].get_array()).tolist() == np.eye(MAX_CONFUSION_LABELS + 1).tolist()


def test_a_roc_curve_stands_over_the_diagonal_with_its_area() -> None:
    figure = plot_roc_curve(pl.DataFrame({"fpr": [0.0, 0.0, 1.0], "tpr": [0.0, 1.0, 1.0]}), 1.0, averaged=False)
    assert drawn(figure) == [[[0, 0], [1, 1]], [[0, 0], [0, 1], [1, 1]]]
    assert labels(figure) == ["AUC 1.0000"]
    assert axes_of(figure).get_title() == "ROC curve (test rows)"


def test_an_averaged_roc_curve_says_so_and_an_unknown_area_is_left_out() -> None:
    figure = plot_roc_curve(pl.DataFrame({"fpr": [], "tpr": []}), None, averaged=True)
    assert axes_of(figure).get_title() == "ROC curve, mean over the classes (test rows)"
    assert labels(figure) == []


def test_a_calibration_curve_has_a_point_for_each_bin_as_large_as_its_share() -> None:
    # 20 + 300 * share: 1/4 and 3/4 of the rows
    bins = {"confidence": [0.2, 0.8], "observed": [0.25, 0.5], "rows": [1, 3], "when": ["before", "before"]}
    figure = plot_reliability(pl.DataFrame(bins))
    (cloud,) = clouds(figure).values()
    assert np.asarray(cloud.get_offsets()).tolist() == [[0.2, 0.25], [0.8, 0.5]]
    assert cloud.get_sizes().tolist() == [95, 245]
    assert labels(figure) == ["area: share of rows"]


def test_before_and_after_a_temperature_there_are_two_calibration_curves() -> None:
    bins = {"confidence": [0.2, 0.3], "observed": [0.25, 0.5], "rows": [1, 1], "when": ["before", "after"]}
    figure = plot_reliability(pl.DataFrame(bins))
    points = {name: np.asarray(cloud.get_offsets()).tolist() for name, cloud in clouds(figure).items()}
    assert points == {
        "before calibration, area: share of rows": [[0.2, 0.25]],
        "after calibration, area: share of rows": [[0.3, 0.5]],
    }
    assert labels(figure) == list(points)


def test_a_score_curve_shows_the_score_over_the_epochs_and_the_best_of_them() -> None:
    figure = plot_score_curve(pl.DataFrame({"epoch": [0, 1, 2], "validation_score": [3.0, 1.0, 2.0]}), "validation", 1)
    assert drawn(figure)[0] == [[0, 3], [1, 1], [2, 2]]
    assert labels(figure) == ["validation", "best epoch (1)"]
