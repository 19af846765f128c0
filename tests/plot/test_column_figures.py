import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from relight.plot.figures import MAX_BARS, plot_importance, plot_residuals_by_feature, plot_slices

SLICES = pl.DataFrame(
    {
        "column": ["colour", "colour"],
        "value": ["red", "$x$"],
        "rows": [1000, 3],
        "score": ["rmse", "rmse"],
        "estimate": [1.0, 2.0],
        "low": [0.5, None],
        "high": [1.5, None],
    }
)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def names_of(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def segments(axes: Axes) -> list[list[list[float]]]:
    (lines,) = (c for c in axes.collections if isinstance(c, LineCollection))
    return [np.asarray(segment).tolist() for segment in lines.get_segments()]


def points(axes: Axes) -> list[list[float]]:
    (cloud,) = (c for c in axes.collections if isinstance(c, PathCollection))
    return np.asarray(cloud.get_offsets()).tolist()


def ranking(n_columns: int) -> pl.DataFrame:
    value = [float(n_columns - k) for k in range(n_columns)]
    names = [f"column {k}" for k in range(n_columns)]
    return pl.DataFrame(
        {"column": names, "importance": value, "low": [v - 0.5 for v in value], "high": [v + 1 for v in value]}
    )


def test_importance_has_a_bar_and_an_interval_for_each_column_the_first_at_the_top() -> None:
    axes = axes_of(plot_importance(ranking(3)))
    assert [bar.get_width() for bar in axes.patches] == [3, 2, 1]  # type: ignore[attr-defined]
    assert names_of(axes) == ["column 0", "column 1", "column 2"]
    assert segments(axes)[0] == [[2.5, 0], [4, 0]]
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert axes.get_title() == "Importance (test rows)"


def test_of_many_columns_the_first_are_drawn_and_the_title_says_so() -> None:
    axes = axes_of(plot_importance(ranking(MAX_BARS + 1)))
    assert len(axes.patches) == MAX_BARS
    assert axes.get_title() == f"Importance (test rows): the first {MAX_BARS}"


def test_slices_have_a_point_with_an_interval_beside_the_score_of_all_rows() -> None:
    axes = axes_of(plot_slices(SLICES, 1.25))
    assert names_of(axes) == ["red (1,000)", r"\$x\$ (3)"]
    assert points(axes) == [[1, 0], [2, 1]]
    assert segments(axes) == [[[0.5, 0], [1.5, 0]], [[2, 1], [2, 1]]]
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [1.25, 1.25]
    assert axes.get_title() == "rmse by colour (test rows)"


def test_slices_without_intervals_are_points() -> None:
    axes = axes_of(plot_slices(SLICES.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64)), 1.0))
    assert points(axes) == [[1, 0], [2, 1]]
    assert not any(isinstance(c, LineCollection) for c in axes.collections)


def test_residuals_have_a_panel_for_each_feature_on_one_scale() -> None:
    table = pl.DataFrame(
        {
            "feature": ["a", "a", "$b$", "c", "d"],
            "value": [1.0, None, 3.0, 4.0, 5.0],
            "residual": [0.5, 9.0, 0.25, -1.0, 2.0],
        }
    )
    figure = plot_residuals_by_feature(table)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == ["a", r"\$b\$", "c", "d"]
    assert [points(axes) for axes in shown] == [[[1, 0.5]], [[3, 0.25]], [[4, -1]], [[5, 2]]]
    assert len({axes.get_ylim() for axes in shown}) == 1


def test_what_was_subtracted_from_a_feature_is_not_cut() -> None:
    names = ["unix_time - 1748003533", "the_longest_name_of_all_columns - -0.5"]
    table = pl.DataFrame({"feature": names, "value": [1.0, 2.0], "residual": [0.5, 1.0]})
    labels = [axes.get_xlabel() for axes in plot_residuals_by_feature(table).axes if axes.get_visible()]
    assert labels == ["unix_time - 1748003533", "the_longest_name_of… - -0.5"]
