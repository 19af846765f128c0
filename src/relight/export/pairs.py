"""The exported model of pairs: both sides in, distance, similarity and label out."""

import copy
import json
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn import functional

from relight.data.features import Features, PairFeatures, record_kinds
from relight.data.pair_names import side_column
from relight.export.feeds import (
    N_EXAMPLE_ROWS,
    ExportMetadata,
    Feeds,
    example_rows,
    input_columns,
    model_metadata,
    offsets_metadata,
    table_feeds,
)
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.export.programs import (
    N_TRACED_ROWS,
    Exported,
    ExportFormat,
    export_program,
    program_with_named_inputs,
    with_real_rows,
)
from relight.export.table import ColumnTensors
from relight.model.inference import predict_outputs
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import DistanceCalibration, pair_input_tensors
from relight.model.saved_model import PairModel
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


def export_pairs(export_format: ExportFormat, saved: PairModel, prepared: Path, validation: Path) -> Exported:
    """Return the file of a siamese model, with its predictions for example pairs and for validation pairs."""
    features, pairs = saved.features, saved.pairs
    table = with_real_rows(example_pairs(features, pairs), prepared, validation)
    names = list(record_kinds(features))
    left, right = (side_records(table, prefix, names) for prefix in (pairs.left, pairs.right))
    arrays = encode_sides(left, right, features, pairs.texts)
    exportable, metadata = (
        ExportablePairs(saved.model, saved.calibration).eval(),
        pairs_metadata(features, pairs, saved.calibration),
    )
    if export_format == "pt2":
        content = pt2_bytes(pairs_program_from_tensors(exportable, features, pairs), json_text(metadata))
        outputs = run_pt2(content, **{name: values for name, values in arrays.items() if values.shape[1]})
    else:
        program = pairs_program_from_columns(ExportablePairsFromColumns(exportable, features, pairs))
        columns = pair_input_columns(features, pairs)
        content = onnx_bytes(program, columns, features.classes, metadata, PAIR_OUTPUT_NAMES)
        outputs = list(run_onnx(content, pair_feeds(table, features, pairs)).values())
    distance = predict_outputs(saved.model, pair_input_tensors(arrays)).numpy()
    expected = np.stack([distance.reshape(-1), saved.calibration.similarity(distance)], axis=1)
    return Exported(content, np.stack(outputs[:2], axis=1), expected, "pairs")


class NgramSums(nn.Module):
    """The sums of a bag of n-grams, in the operators of a plain embedding: ONNX would loop over the rows of a bag.

    **Shape**: (n, n_slots) codes in, of which 0 is the origin; (n, d_embedding) out.
    """

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = bag.weight

    def forward(self, codes: Tensor) -> Tensor:
        return functional.embedding(codes, self.weight).sum(dim=1)


class ExportablePairs(nn.Module):
    """A siamese model whose distances are decoded to similarities and labels.

    **Shape**
        - numeric of each side: (n_rows, n_numeric) float32, NaN for a gap; None if there is no number
        - categories: (n_rows, n_categorical) int32, 0 for a gap or a level that train lacks; None if there is none
        - letters: (n_rows, n_texts, n_letters) int32 code points, 0 after the text; None if there is none
        - output: distance and similarity, (n_rows,) float32 each, and (n_rows,) int64, 1 for alike
    """

    def __init__(self, model: SiameseModel, calibration: DistanceCalibration) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        if (texts := self.model.network.tower.texts) is not None:
            assert isinstance(texts.points, nn.EmbeddingBag)
            texts.points = NgramSums(texts.points)
        self.threshold, self.slope = calibration.threshold, calibration.slope

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
        """Predict from all left records and, after them, all right ones, which halves the graph."""
        points = self.model.embed(numeric, categories, letters)
        left, right = points.reshape(2, -1, self.model.network.tower.d_widest)
        distance = self.model.network.between(left, self.model.network.tower.as_right(right)).squeeze(1)
        score = self.threshold - distance.double()
        return distance, (self.slope * score).sigmoid().float(), (score >= 0).long()


def _stacked(left: Tensor | None, right: Tensor | None) -> Tensor:
    """Return the records of both sides, one after the other; an empty tensor for an input that is not read."""
    return torch.zeros(0) if left is None or right is None else torch.cat([left, right])


class ExportablePairsFromColumns(nn.Module):
    """`ExportablePairs` from the columns of a table: those of the left side, its letters, then those of the right.

    **Shape**
        - columns: of each side as `ColumnTensors` takes them, then the letters, if there is a text
        - output: as `ExportablePairs`
    """

    def __init__(self, exportable: ExportablePairs, features: Features, pairs: PairFeatures) -> None:
        super().__init__()
        self.exportable = exportable
        self.columns = ColumnTensors(features)
        self.letters = (len(pairs.texts), pairs.n_letters)

    def forward(self, columns: list[Tensor]) -> PairOutputs:
        half = len(columns) // 2
        both = [torch.cat([columns[index], columns[half + index]]) for index in range(half)]
        numeric, categories = self.columns(both)
        return self.exportable.records(numeric, categories, both[-1])  # without a text nothing reads the last


def pairs_program_from_columns(model: ExportablePairsFromColumns) -> ExportedProgram:
    """Return the graph of a model whose inputs are the columns of both sides, for any number of rows."""
    side = model.columns.examples()
    if model.letters[0]:
        side.append(torch.zeros(N_TRACED_ROWS, *model.letters, dtype=torch.int32))
    columns = [part.clone() for part in (*side, *side)]
    return export_program(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def pairs_program_from_tensors(model: ExportablePairs, features: Features, pairs: PairFeatures) -> ExportedProgram:
    """Return the graph of a model whose inputs are tensors with names; one that the model does not read is left out."""
    sizes = {
        "numeric": (len(features.numeric),),
        "categories": (len(features.categorical),),
        "letters": (len(pairs.texts), pairs.n_letters),
    }
    inputs = {
        f"{side}_{part}": torch.zeros(N_TRACED_ROWS, *size, dtype=torch.float32 if part == "numeric" else torch.int32)
        for side in ("left", "right")
        for part, size in sizes.items()
        if size[0]
    }
    return program_with_named_inputs(model, inputs, dict.fromkeys(inputs, ("n_rows",)))


def pair_input_columns(features: Features, pairs: PairFeatures) -> dict[str, tuple[str, ...] | None]:
    """Return the inputs of the graph, and for a category its levels: columns and letters of the left side, then right.

    The letters are called like a column `letters`, with a `_` at the end if there is a column of that name.
    """
    levels = {column.name: column.levels if column.kind == "category" else None for column in input_columns(features)}
    letters: dict[str, None] = {_letters_name(features): None} if pairs.texts else {}
    return {
        side_column(mark, name): levels_of_input
        for mark in (pairs.left, pairs.right)
        for name, levels_of_input in {**levels, **letters}.items()
    }


def pair_feeds(table: pl.DataFrame, features: Features, pairs: PairFeatures) -> Feeds:
    """Return both sides of a clean table, under the names of `pair_input_columns`."""
    arrays: Feeds = {}
    for prefix in (pairs.left, pairs.right):
        side = side_records(table, prefix, list(record_kinds(features)))
        arrays |= {
            side_column(prefix, name): column for name, column in table_feeds(side, input_columns(features)).items()
        }
        if pairs.texts:
            arrays[side_column(prefix, _letters_name(features))] = encode_records(side, features, pairs.texts)[
                "letters"
            ]
    return arrays


def pairs_metadata(features: Features, pairs: PairFeatures, calibration: DistanceCalibration) -> ExportMetadata:
    """Return what an exported file says about itself: its columns without a prefix, and how a label is decided."""
    metadata = {
        "sides": [pairs.left, pairs.right],
        "numeric": [feature.name for feature in features.numeric],
        "categories": [feature.model_dump() for feature in features.categorical],
        "letters": {"columns": pairs.texts, "n_letters": pairs.n_letters, "are": TEXT_ENCODING},
        "threshold": calibration.threshold,
    }
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in metadata.items()}
    return {**model_metadata(features), **texts, **offsets_metadata(features)}


def _letters_name(features: Features) -> str:
    name = "letters"
    while name in features.columns:
        name += "_"
    return name


def example_pairs(features: Features, pairs: PairFeatures) -> pl.DataFrame:
    """Return a clean table with the columns of both sides: 64 pairs of records, and each record paired with itself.

    The columns are those of `example_rows`, with texts of every kind.
    """
    rows = example_rows(features, gaps=True)
    texts = [_example_texts(name, index) for index, name in enumerate(pairs.texts) if name not in rows.columns]
    records = pl.DataFrame([*rows, *texts]).select(list(record_kinds(features)))
    left, right = pl.concat([records, records]), pl.concat([records.reverse(), records])
    sides = [
        side.rename({name: side_column(mark, name) for name in side.columns})
        for side, mark in ((left, pairs.left), (right, pairs.right))
    ]
    return pl.concat(sides, how="horizontal")


def _example_texts(name: str, index: int) -> pl.Series:
    """Return the texts in turn, by another stride for each column."""
    return pl.Series(
        name, [EXAMPLE_TEXTS[row * (index + 1) % len(EXAMPLE_TEXTS)] for row in range(N_EXAMPLE_ROWS)], dtype=pl.String
    )
