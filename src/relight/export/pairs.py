"""Exported tower.

The module that is exported of a tower: both sides of pairs in, what `relight predict` says of them out.

Clean pairs → what an exported tower takes: the columns of both sides, and the letters of their texts.

Made-up pairs that reach every corner of a tower: beside those of `trial_rows` texts of every kind.
"""

import copy
import json
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn import functional

from relight.data.features import Features, record_kinds
from relight.export.feeds import (
    N_EXAMPLE_ROWS,
    ExportMetadata,
    Feeds,
    example_rows,
    input_columns,
    model_metadata,
    table_feeds,
)
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.export.programs import (
    N_TRACED_ROWS,
    ExportFormat,
    _Exported,
    _with_real_rows,
    export_program,
    program_with_named_inputs,
)
from relight.export.table import ColumnTensors
from relight.model.inference import predict_outputs
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import pair_input_tensors
from relight.model.saved_model import Description
from relight.model.similarity import DistanceCalibration
from relight.runtime.files import json_text
from relight.split.pairs import encode_records, encode_sides, side_records

PairOutputs = tuple[Tensor, Tensor, Tensor]
PAIR_OUTPUT_NAMES = ("distance", "similarity")
TEXT_ENCODING = (
    "code points of the text in small letters, without spaces around it, 0 behind its end and for a gap; of a longer "
    "text its beginning; a whole number reads 3, never 3.0"
)
EXAMPLE_TEXTS = (
    "a", "Ab", "ab", None, "Anna Maria", "Ania  Marja", "", "ÉCOLE", "Straße", "İzmir", "李小龍", "😀 \U0010ffff",
    "00123", "x" * 24, "x" * 25, "x" * 26, "a long name " * 30,
)  # fmt: skip


class NgramSums(nn.Module):
    """The same as the bag of n-grams that it is made of: ONNX would walk through a bag row by row.

    **Shape**: (n, n_slots) codes in, of which 0 is the origin; (n, d_embedding) out.
    """

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = bag.weight

    def forward(self, codes: Tensor) -> Tensor:
        return functional.embedding(codes, self.weight).sum(dim=1)


class ExportablePairs(nn.Module):
    """A model and what its distances mean.

    **Shape**
        - of each side numeric: (n_rows, n_numeric) float32, NaN for a gap; None where there is no number
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level; None where there is none
        - letters: (n_rows, n_texts, n_letters) int32 code points, 0 behind the text; None where there is none
        - output: distance and similarity, (n_rows,) float32 each, and (n_rows,) int64, 1 for alike
    """

    def __init__(self, model: SiameseModel, scale: DistanceCalibration) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        if (texts := self.model.network.tower.texts) is not None:
            assert isinstance(texts.points, nn.EmbeddingBag)
            texts.points = NgramSums(texts.points)
        self.threshold, self.slope = scale.threshold, scale.slope

    def forward(
        self,
        left_numeric: Tensor | None = None,
        left_categories: Tensor | None = None,
        left_letters: Tensor | None = None,
        right_numeric: Tensor | None = None,
        right_categories: Tensor | None = None,
        right_letters: Tensor | None = None,
    ) -> PairOutputs:
        pairs = ((left_numeric, right_numeric), (left_categories, right_categories), (left_letters, right_letters))
        return self.records(*(_stacked(left, right) for left, right in pairs))

    def records(self, numeric: Tensor, categories: Tensor, letters: Tensor) -> PairOutputs:
        """The same of all left records and, behind them, all right ones: a graph of half the size."""
        points = self.model.embed(numeric, categories, letters)
        left, right = points.reshape(2, -1, self.model.network.tower.d_widest)
        distance = self.model.network.distance(left, right).squeeze(1)
        score = self.threshold - distance.double()
        return distance, (self.slope * score).sigmoid().float(), (score >= 0).long()


def _stacked(left: Tensor | None, right: Tensor | None) -> Tensor:
    """What is not there is not read."""
    return torch.zeros(0) if left is None or right is None else torch.cat([left, right])


class ExportablePairsFromColumns(nn.Module):
    """The same from the columns of a table: those of the left side, its letters, then those of the right.

    **Shape**
        - columns: of each side as `Columns` takes them, then the letters, if there is a text
        - output: as `AnsweringPairs`
    """

    def __init__(self, exportable: ExportablePairs, features: Features) -> None:
        super().__init__()
        assert features.pairs
        self.exportable = exportable
        self.columns = ColumnTensors(features)
        self.letters = (len(features.pairs.texts), features.pairs.n_letters)

    def forward(self, columns: list[Tensor]) -> PairOutputs:
        half = len(columns) // 2
        both = [torch.cat([columns[index], columns[half + index]]) for index in range(half)]
        numeric, categories = self.columns(both)
        return self.exportable.records(numeric, categories, both[-1])  # without a text nothing reads the last


def pairs_program_from_columns(model: ExportablePairsFromColumns) -> ExportedProgram:
    """The graph of a model whose inputs are the columns of both sides; any number of rows."""
    side = model.columns.examples()
    if model.letters[0]:
        side.append(torch.zeros(N_TRACED_ROWS, *model.letters, dtype=torch.int32))
    columns = [part.clone() for part in (*side, *side)]
    return export_program(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def pairs_program_from_tensors(model: ExportablePairs, features: Features) -> ExportedProgram:
    """The graph of a model whose inputs are tensors with names; one that the model does not read is left out."""
    assert features.pairs
    sizes = {
        "numeric": (len(features.numeric),),
        "categories": (len(features.categorical),),
        "letters": (len(features.pairs.texts), features.pairs.n_letters),
    }
    inputs = {
        f"{side}_{part}": torch.zeros(N_TRACED_ROWS, *size, dtype=torch.float32 if part == "numeric" else torch.int32)
        for side in ("left", "right")
        for part, size in sizes.items()
        if size[0]
    }
    return program_with_named_inputs(model, inputs, dict.fromkeys(inputs, ("n_rows",)))


def pair_input_columns(features: Features) -> dict[str, tuple[str, ...] | None]:
    """The inputs of the graph, and for a category its levels: of the left side its columns and letters, then the right.

    Letters have the name of a column `letters`, and a `_` behind it where a column is called so.
    """
    assert features.pairs
    levels = {column.name: column.levels if column.kind == "category" else None for column in input_columns(features)}
    letters: dict[str, None] = {_letters_text(features): None} if features.pairs.texts else {}
    prefixes = (features.pairs.left, features.pairs.right)
    return {
        prefix + name: category_levels for prefix in prefixes for name, category_levels in {**levels, **letters}.items()
    }


def pair_feeds(table: pl.DataFrame, features: Features) -> Feeds:
    """Both sides of a clean table, under the names of `pair_columns`."""
    assert features.pairs
    arrays: Feeds = {}
    for prefix in (features.pairs.left, features.pairs.right):
        side = side_records(table, prefix, list(record_kinds(features)))
        arrays |= {prefix + name: column for name, column in table_feeds(side, input_columns(features)).items()}
        if features.pairs.texts:
            letters = encode_records(side, features, features.pairs.texts)["letters"]
            arrays[prefix + _letters_text(features)] = letters
    return arrays


def pairs_metadata(features: Features, scale: DistanceCalibration) -> ExportMetadata:
    """What an exported tower says about itself: its columns without a prefix, and how its answers are made."""
    assert features.pairs
    metadata = {
        "sides": [features.pairs.left, features.pairs.right],
        "numeric": [feature.name for feature in features.numeric],
        "categories": [feature.model_dump() for feature in features.categorical],
        "letters": {"columns": features.pairs.texts, "n_letters": features.pairs.n_letters, "are": TEXT_ENCODING},
        "threshold": scale.threshold,
    }
    return {
        **model_metadata(features),
        **{name: json.dumps(fact, ensure_ascii=False) for name, fact in metadata.items()},
    }


def _letters_text(features: Features) -> str:
    name = "letters"
    while name in features.columns:
        name += "_"
    return name


def example_pairs(features: Features) -> pl.DataFrame:
    """A clean table with the columns of both sides: 64 pairs of records, and each record beside itself."""
    assert features.pairs
    rows = example_rows(features, gaps=True)
    texts = [_example_texts(name, index) for index, name in enumerate(features.pairs.texts) if name not in rows.columns]
    records = pl.DataFrame([*rows, *texts]).select(list(record_kinds(features)))
    left, right = pl.concat([records, records]), pl.concat([records.reverse(), records])
    sides = [
        left.select(pl.all().name.prefix(features.pairs.left)),
        right.select(pl.all().name.prefix(features.pairs.right)),
    ]
    return pl.concat(sides, how="horizontal")


def _example_texts(name: str, index: int) -> pl.Series:
    """In turn, by another stride for each column."""
    return pl.Series(
        name, [EXAMPLE_TEXTS[row * (index + 1) % len(EXAMPLE_TEXTS)] for row in range(N_EXAMPLE_ROWS)], dtype=pl.String
    )


def _export_pairs(
    export_format: ExportFormat, model: SiameseModel, description: Description, prepared: Path, validation: Path
) -> _Exported:
    features, scale = description.features, description.distance_calibration
    assert features.pairs
    assert scale
    table = _with_real_rows(example_pairs(features), prepared, validation)
    names = list(record_kinds(features))
    left, right = (side_records(table, prefix, names) for prefix in (features.pairs.left, features.pairs.right))
    arrays = encode_sides(left, right, features, features.pairs.texts)
    answering, facts = ExportablePairs(model, scale).eval(), pairs_metadata(features, scale)
    if export_format == "pt2":
        content = pt2_bytes(pairs_program_from_tensors(answering, features), json_text(facts))
        exported = run_pt2(content, **{name: values for name, values in arrays.items() if values.shape[1]})
    else:
        program = pairs_program_from_columns(ExportablePairsFromColumns(answering, features))
        content = onnx_bytes(program, pair_input_columns(features), features.classes, facts, PAIR_OUTPUT_NAMES)
        exported = list(run_onnx(content, pair_feeds(table, features)).values())
    distance = predict_outputs(model, pair_input_tensors(arrays)).numpy()
    expected = np.stack([distance.reshape(-1), scale.similarity(distance)], axis=1)
    return _Exported(content, np.stack(exported[:2], axis=1), expected)
