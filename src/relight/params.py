"""All sections of params.yaml, checked at once."""

from typing import NamedTuple

from relight.deps.checks import own_code_problems
from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.plot.params import PlotParams
from relight.prepare.params import PrepareParams
from relight.runtime.params import CheckedParams, check_section, unknown_sections
from relight.runtime.pipeline import PIPELINE_PATH, named_sections, read_stages
from relight.runtime.strict_yaml import Document
from relight.split.params import SplitParams
from relight.train.params import TrainParams


class Sections(NamedTuple):
    """The sections in the order of the file.

    Attributes:
        own_code: what reading finds wrong with calls of the user's own code.
        unknown: a problem for each section that no stage reads.
    """

    prepare: CheckedParams[PrepareParams]
    split: CheckedParams[SplitParams]
    model: CheckedParams[ModelParams]
    train: CheckedParams[TrainParams]
    evaluate: CheckedParams[EvaluateParams]
    plot: CheckedParams[PlotParams]
    own_code: list[str]
    unknown: list[str]

    @property
    def problems(self) -> list[str]:
        """All problems of all sections."""
        sections = [part for part in self if isinstance(part, CheckedParams)]
        return [*(problem for section in sections for problem in section.problems), *self.own_code, *self.unknown]


def check_sections(document: Document) -> Sections:
    """Return every section, valid or with its problems."""
    return Sections(
        check_section(document, "prepare", PrepareParams),
        check_section(document, "split", SplitParams),
        check_section(document, "model", ModelParams),
        check_section(document, "train", TrainParams),
        check_section(document, "evaluate", EvaluateParams),
        check_section(document, "plot", PlotParams),
        own_code_problems(document),
        _unknown(document),
    )


def _unknown(document: Document) -> list[str]:
    """Return a problem for each section that neither Relight nor a stage of dvc.yaml reads."""
    ours = list(Sections._fields[:-2])
    if document.value.keys() <= set(ours) or not PIPELINE_PATH.is_file():
        return unknown_sections(document, ours)
    try:
        stages = read_stages()
    except InputError as error:
        return list(error.problems)
    problems = unknown_sections(document, list(dict.fromkeys([*ours, *named_sections(stages)])))
    has_own = not stages.keys() <= set(ours)
    hint = " (if a stage of yours reads it, name it under the `params` of that stage in dvc.yaml)" if has_own else ""
    return [f"{problem}{hint}" for problem in problems]


def assert_sections(document: Document) -> None:
    """Check every section.

    Raises:
        InputError: with everything that is wrong in any of them.
    """
    problems = check_sections(document).problems
    if problems:
        raise InputError(*problems)
