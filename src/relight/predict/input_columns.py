"""The columns that a table must have for a model to predict its rows."""

from typing import Literal, NamedTuple

from relight.data.features import Features, record_kinds
from relight.data.pair_names import side_column
from relight.data.schema import ColumnKind
from relight.model.saved_model import PairModel, SavedModel, SequenceModel, SeriesModel, TableModel

InputKind = Literal[ColumnKind, "text", "id", "time", "symbols", "series", "query"]


class InputColumn(NamedTuple):
    """A column.

    Attributes:
        kind: of its values, or what it is for: `id` and `time` of sequences, the `query` of a ranking.
        levels: the categories of the train rows, in order of their codes, "" for a gap; None for other kinds.
    """

    name: str
    kind: InputKind
    levels: list[str] | None = None


def input_columns(saved: SavedModel) -> list[InputColumn]:
    """Return the columns in the order in which the model reads them."""
    match saved:
        case TableModel():
            return [*_roles(query=saved.features.query), *_feature_columns(saved.features)]
        case SequenceModel():
            columns = saved.sequence.columns
            seen = [column for column in _feature_columns(saved.features) if column.name != columns.symbols]
            return [*_roles(id=columns.id, time=columns.time, symbols=columns.symbols), *seen]
        case SeriesModel():
            return _series_columns(saved)
        case PairModel():
            return _pair_columns(saved)


def _roles(**names: str | None) -> list[InputColumn]:
    return [InputColumn(name, kind) for kind, name in names.items() if name is not None]  # type: ignore[arg-type]


def _feature_columns(features: Features) -> list[InputColumn]:
    """Return each column once: a date is several numbers."""
    numbers = {feature.column: InputColumn(feature.column, feature.kind) for feature in features.numeric}
    return [*numbers.values(), *(InputColumn(f.name, "categorical", f.levels) for f in features.categorical)]


def _series_columns(saved: SeriesModel) -> list[InputColumn]:
    schema, levels = saved.series.series_schema, _covariate_levels(saved)
    target = InputColumn(saved.features.target, "numeric")
    covariates = [
        InputColumn(name, "categorical" if levels[name] else "numeric", levels[name] or None)
        for name in saved.series.sources
    ]
    return [*_roles(time=schema.time, series=schema.series), target, *covariates]


def _covariate_levels(saved: SeriesModel) -> dict[str, list[str]]:
    """Return the levels of each covariate; none for a number."""
    return {
        name: [c.level for c in saved.series.covariates if c.source == name and c.level is not None]
        for name in saved.series.sources
    }


def _pair_columns(saved: PairModel) -> list[InputColumn]:
    levels = {feature.name: feature.levels for feature in saved.features.categorical}
    return [
        InputColumn(
            side_column(prefix, name),
            "text" if kind == "categorical" and name not in levels else kind,
            levels.get(name),
        )
        for prefix in (saved.pairs.left, saved.pairs.right)
        for name, kind in record_kinds(saved.features).items()
    ]
