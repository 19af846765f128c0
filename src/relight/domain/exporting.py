"""The module that is exported: columns in, answers out, with everything in between."""

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.domain.answers import answer_tensor
from relight.domain.calendar import numbers_of_date
from relight.domain.features import Features
from relight.domain.feeding import inputs_of
from relight.domain.fitted import Fitted

EXAMPLE_ROWS = 2  # one row would make the batch look like a constant
KEPT = ("val",)  # of what a traced node carries: its shape; the rest names files and addresses of this machine


class Answering(nn.Module):
    """A model and what its outputs mean.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level
        - output: (n_rows,) numbers for regression, else (n_rows, n_classes) probabilities
    """

    def __init__(self, model: nn.Module, features: Features) -> None:
        super().__init__()
        self.model = model
        self.task = features.task
        self.has_front = isinstance(model, Fitted)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        outputs = self.model(numeric, categories) if self.has_front else self.model(numeric)
        return answer_tensor(self.task, outputs)


class Columns(nn.Module):
    """The columns of a table, in the order of `inputs_of(features)`, as the tensors of a model.

    **Shape**
        - columns: (n_rows, 1) each; a number float32, a date int64 microseconds, a category its code int64; what
          follows them is not read
        - output: `numeric` and `categories`, as `Answering` takes them
    """

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.kinds = [column.kind for column in inputs_of(features)]
        places = {name: place for place, name in enumerate(features.columns)}
        self.numbers = [(places[feature.column], feature.moment) for feature in features.numeric]
        self.categories = [places[feature.name] for feature in features.categorical]

    def forward(self, columns: list[Tensor]) -> tuple[Tensor, Tensor]:
        n_rows = columns[0].shape[0]
        numbers = [
            numbers_of_date(columns[place], moment) if moment else columns[place] for place, moment in self.numbers
        ]
        codes = [columns[place].int() for place in self.categories]
        numeric = torch.cat(numbers, dim=1) if numbers else torch.zeros(n_rows, 0)
        categories = torch.cat(codes, dim=1) if codes else torch.zeros(n_rows, 0, dtype=torch.int32)
        return numeric, categories

    def examples(self) -> list[Tensor]:
        return [torch.zeros(EXAMPLE_ROWS, 1, dtype=_dtype(kind)) for kind in self.kinds]


class FromColumns(nn.Module):
    """`Answering` from the columns of a table. **Shape**: as `Columns` in, as `Answering` out."""

    def __init__(self, answering: Answering, features: Features) -> None:
        super().__init__()
        self.answering = answering
        self.columns = Columns(features)

    def forward(self, columns: list[Tensor]) -> Tensor:
        answers: Tensor = self.answering(*self.columns(columns))
        return answers


def program_from_columns(model: FromColumns) -> ExportedProgram:
    """The graph of a model whose inputs are the columns of a table; any number of rows."""
    columns = model.columns.examples()
    return program_of(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def program_from_tensors(model: Answering, features: Features) -> ExportedProgram:
    """The graph of a model whose inputs are `numeric` and `categories`; any number of rows."""
    numeric = torch.zeros(EXAMPLE_ROWS, len(features.numeric))
    categories = torch.zeros(EXAMPLE_ROWS, len(features.categorical), dtype=torch.int32)
    return program_of(model, (numeric, categories), ({0: Dim("n_rows")}, {0: Dim("n_rows")}))


def program_by_name(model: nn.Module, inputs: dict[str, Tensor], free: dict[str, tuple[str, ...]]) -> ExportedProgram:
    """The graph of a model whose inputs have names.

    Args:
        inputs: examples of them.
        free: of each input the names of its first dimensions, which may have any size.
    """
    sizes = {name: Dim(name) for names in free.values() for name in names}
    return program_of(model, (), {name: {k: sizes[d] for k, d in enumerate(free[name])} for name in inputs}, inputs)


def program_of(
    model: nn.Module, example: tuple[object, ...], rows: object, named: dict[str, Tensor] | None = None
) -> ExportedProgram:
    """The graph of a model.

    Args:
        rows: for each example, which of its dimensions have any size; as `torch.export` takes them.
        named: examples of the inputs that have names.
    """
    # strict: the authors' attention says `len(q)`, a number that a plain trace would keep as a constant
    program = torch.export.export(model.eval(), example, named, dynamic_shapes=rows, strict=True)  # type: ignore[arg-type]
    program.example_inputs = None  # they would be a pickle inside the file
    for node in program.graph.nodes:
        node.meta = {key: value for key, value in node.meta.items() if key in KEPT}
    return program


def _dtype(kind: str) -> torch.dtype:
    return torch.float32 if kind == "number" else torch.int64
