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
from relight.export.feeds import N_ROWS, Facts, Feeds, feeds, inputs_of, properties_of, trial_rows
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.export.programs import EXAMPLE_ROWS, ExportFormat, _Exported, _with_real_rows, program_by_name, program_of
from relight.export.table import Columns
from relight.model.inference import predict
from relight.model.networks.tower import SiameseModel
from relight.model.rows import pair_inputs
from relight.model.saved_model import Description
from relight.model.similarity import PairScale
from relight.runtime.files import json_text
from relight.split.pairs import encode_records, encode_sides, one_side

Said = tuple[Tensor, Tensor, Tensor]
OUTPUTS = ("distance", "similarity")
HOW = (
    "code points of the text in small letters, without spaces around it, 0 behind its end and for a gap; of a longer "
    "text its beginning; a whole number reads 3, never 3.0"
)
TEXTS = (
    "a", "Ab", "ab", None, "Anna Maria", "Ania  Marja", "", "ÉCOLE", "Straße", "İzmir", "李小龍", "😀 \U0010ffff",
    "00123", "x" * 24, "x" * 25, "x" * 26, "a long name " * 30,
)  # fmt: skip


class Sums(nn.Module):
    """The same as the bag of n-grams that it is made of: ONNX would walk through a bag row by row.

    **Shape**: (n, n_slots) codes in, of which 0 is the origin; (n, d_embedding) out.
    """

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = bag.weight

    def forward(self, codes: Tensor) -> Tensor:
        return functional.embedding(codes, self.weight).sum(dim=1)


class AnsweringPairs(nn.Module):
    """A model and what its distances mean.

    **Shape**
        - of each side numeric: (n_rows, n_numeric) float32, NaN for a gap; None where there is no number
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level; None where there is none
        - letters: (n_rows, n_texts, n_letters) int32 code points, 0 behind the text; None where there is none
        - output: distance and similarity, (n_rows,) float32 each, and (n_rows,) int64, 1 for alike
    """

    def __init__(self, model: SiameseModel, scale: PairScale) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        if (texts := self.model.body.tower.texts) is not None:
            assert isinstance(texts.points, nn.EmbeddingBag)
            texts.points = Sums(texts.points)
        self.threshold, self.slope = scale.threshold, scale.slope

    def forward(
        self,
        left_numeric: Tensor | None = None,
        left_categories: Tensor | None = None,
        left_letters: Tensor | None = None,
        right_numeric: Tensor | None = None,
        right_categories: Tensor | None = None,
        right_letters: Tensor | None = None,
    ) -> Said:
        pairs = ((left_numeric, right_numeric), (left_categories, right_categories), (left_letters, right_letters))
        return self.records(*(_stacked(left, right) for left, right in pairs))

    def records(self, numeric: Tensor, categories: Tensor, letters: Tensor) -> Said:
        """The same of all left records and, behind them, all right ones: a graph of half the size."""
        points = self.model.embed(numeric, categories, letters)
        left, right = points.reshape(2, -1, self.model.body.tower.d_widest)
        distance = self.model.body.distance(left, right).squeeze(1)
        score = self.threshold - distance.double()
        return distance, (self.slope * score).sigmoid().float(), (score >= 0).long()


def _stacked(left: Tensor | None, right: Tensor | None) -> Tensor:
    """What is not there is not read."""
    return torch.zeros(0) if left is None or right is None else torch.cat([left, right])


class PairsFromColumns(nn.Module):
    """The same from the columns of a table: those of the left side, its letters, then those of the right.

    **Shape**
        - columns: of each side as `Columns` takes them, then the letters, if there is a text
        - output: as `AnsweringPairs`
    """

    def __init__(self, answering: AnsweringPairs, features: Features) -> None:
        super().__init__()
        assert features.pairs
        self.answering = answering
        self.columns = Columns(features)
        self.letters = (len(features.pairs.texts), features.pairs.n_letters)

    def forward(self, columns: list[Tensor]) -> Said:
        half = len(columns) // 2
        both = [torch.cat([columns[place], columns[half + place]]) for place in range(half)]
        numeric, categories = self.columns(both)
        return self.answering.records(numeric, categories, both[-1])  # without a text nothing reads the last


def program_of_columns_of_pairs(model: PairsFromColumns) -> ExportedProgram:
    """The graph of a model whose inputs are the columns of both sides; any number of rows."""
    side = model.columns.examples()
    if model.letters[0]:
        side.append(torch.zeros(EXAMPLE_ROWS, *model.letters, dtype=torch.int32))
    columns = [part.clone() for part in (*side, *side)]
    return program_of(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def program_of_pairs(model: AnsweringPairs, features: Features) -> ExportedProgram:
    """The graph of a model whose inputs are tensors with names; one that the model does not read is left out."""
    assert features.pairs
    sizes = {
        "numeric": (len(features.numeric),),
        "categories": (len(features.categorical),),
        "letters": (len(features.pairs.texts), features.pairs.n_letters),
    }
    inputs = {
        f"{side}_{part}": torch.zeros(EXAMPLE_ROWS, *size, dtype=torch.float32 if part == "numeric" else torch.int32)
        for side in ("left", "right")
        for part, size in sizes.items()
        if size[0]
    }
    return program_by_name(model, inputs, dict.fromkeys(inputs, ("n_rows",)))


def pair_columns(features: Features) -> dict[str, tuple[str, ...] | None]:
    """The inputs of the graph, and for a category its levels: of the left side its columns and letters, then the right.

    Letters have the name of a column `letters`, and a `_` behind it where a column is called so.
    """
    assert features.pairs
    levels = {column.name: column.levels if column.kind == "category" else None for column in inputs_of(features)}
    letters: dict[str, None] = {_letters(features): None} if features.pairs.texts else {}
    prefixes = (features.pairs.left, features.pairs.right)
    return {prefix + name: found for prefix in prefixes for name, found in {**levels, **letters}.items()}


def pair_feeds(table: pl.DataFrame, features: Features) -> Feeds:
    """Both sides of a clean table, under the names of `pair_columns`."""
    assert features.pairs
    found: Feeds = {}
    for prefix in (features.pairs.left, features.pairs.right):
        side = one_side(table, prefix, list(record_kinds(features)))
        found |= {prefix + name: column for name, column in feeds(side, inputs_of(features)).items()}
        if features.pairs.texts:
            letters = encode_records(side, features, features.pairs.texts)["letters"]
            found[prefix + _letters(features)] = letters
    return found


def facts_of_pairs(features: Features, scale: PairScale) -> Facts:
    """What an exported tower says about itself: its columns without a prefix, and how its answers are made."""
    assert features.pairs
    known = {
        "sides": [features.pairs.left, features.pairs.right],
        "numeric": [feature.name for feature in features.numeric],
        "categories": [feature.model_dump() for feature in features.categorical],
        "letters": {"columns": features.pairs.texts, "n_letters": features.pairs.n_letters, "are": HOW},
        "threshold": scale.threshold,
    }
    return {**properties_of(features), **{name: json.dumps(fact, ensure_ascii=False) for name, fact in known.items()}}


def _letters(features: Features) -> str:
    name = "letters"
    while name in features.columns:
        name += "_"
    return name


def trial_pairs(features: Features) -> pl.DataFrame:
    """A clean table with the columns of both sides: 64 pairs of records, and each record beside itself."""
    assert features.pairs
    rows = trial_rows(features, gaps=True)
    texts = [_texts(name, place) for place, name in enumerate(features.pairs.texts) if name not in rows.columns]
    records = pl.DataFrame([*rows, *texts]).select(list(record_kinds(features)))
    left, right = pl.concat([records, records]), pl.concat([records.reverse(), records])
    sides = [
        left.select(pl.all().name.prefix(features.pairs.left)),
        right.select(pl.all().name.prefix(features.pairs.right)),
    ]
    return pl.concat(sides, how="horizontal")


def _texts(name: str, place: int) -> pl.Series:
    """In turn, by another stride for each column."""
    return pl.Series(name, [TEXTS[row * (place + 1) % len(TEXTS)] for row in range(N_ROWS)], dtype=pl.String)


def _pairs(form: ExportFormat, model: SiameseModel, known: Description, prepared: Path, validation: Path) -> _Exported:
    features, scale = known.features, known.similarity
    assert features.pairs
    assert scale
    table = _with_real_rows(trial_pairs(features), prepared, validation)
    names = list(record_kinds(features))
    left, right = (one_side(table, prefix, names) for prefix in (features.pairs.left, features.pairs.right))
    arrays = encode_sides(left, right, features, features.pairs.texts)
    answering, facts = AnsweringPairs(model, scale).eval(), facts_of_pairs(features, scale)
    if form == "pt2":
        content = pt2_bytes(program_of_pairs(answering, features), json_text(facts))
        said = run_pt2(content, **{name: values for name, values in arrays.items() if values.shape[1]})
    else:
        program = program_of_columns_of_pairs(PairsFromColumns(answering, features))
        content = onnx_bytes(program, pair_columns(features), features.classes, facts, OUTPUTS)
        said = list(run_onnx(content, pair_feeds(table, features)).values())
    distance = predict(model, pair_inputs(arrays)).numpy()
    expected = np.stack([distance.reshape(-1), scale.similarity(distance)], axis=1)
    return _Exported(content, np.stack(said[:2], axis=1), expected)
