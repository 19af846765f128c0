"""All sections of params.yaml at once."""

from typing import NamedTuple

from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.plot.params import PlotParams
from relight.prepare.params import PrepareParams
from relight.runtime.params import CheckedParams, check_section, unknown_sections
from relight.runtime.strict_yaml import Document
from relight.split.params import SplitParams
from relight.train.params import TrainParams


class Sections(NamedTuple):
    prepare: CheckedParams[PrepareParams]
    split: CheckedParams[SplitParams]
    model: CheckedParams[ModelParams]
    train: CheckedParams[TrainParams]
    evaluate: CheckedParams[EvaluateParams]
    plot: CheckedParams[PlotParams]
    unknown: list[str]

    @property
    def problems(self) -> list[str]:
        checked = [problem for section in self[:-1] for problem in section.problems]
        return [*checked, *self.unknown]


def check_sections(document: Document) -> Sections:
    """Every section, valid or with its problems."""
    return Sections(
        check_section(document, "prepare", PrepareParams),
        check_section(document, "split", SplitParams),
        check_section(document, "model", ModelParams),
        check_section(document, "train", TrainParams),
        check_section(document, "evaluate", EvaluateParams),
        check_section(document, "plot", PlotParams),
        unknown_sections(document, list(Sections._fields[:-1])),
    )


def assert_sections(document: Document) -> None:
    """Raises:
    InputError: with all that is wrong in all sections.
    """
    problems = check_sections(document).problems
    if problems:
        raise InputError(*problems)
