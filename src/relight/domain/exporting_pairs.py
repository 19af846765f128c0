"""The module that is exported of a tower: both sides of pairs in, what `relight predict` says of them out."""

import copy

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn import functional

from relight.domain.exporting import EXAMPLE_ROWS, Columns, program_by_name, program_of
from relight.domain.features import Features
from relight.domain.models.tower import Pairs
from relight.domain.similarity import PairScale

Said = tuple[Tensor, Tensor, Tensor]

OUTPUTS = ("distance", "similarity")


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

    def __init__(self, model: Pairs, scale: PairScale) -> None:
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
        points = self.model.points(numeric, categories, letters)
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
