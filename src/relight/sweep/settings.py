"""sweep.yaml and params.yaml together: their problems, and each proposal as params."""

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from relight.deps.checks import own_code_files, undeclared_problems
from relight.deps.sweeps import CALL
from relight.errors import InputError, problems_of
from relight.metrics.direction import BUILT_IN
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.own_code.closure import file_digests
from relight.params import Sections, assert_sections, check_sections
from relight.repository.git import run_git
from relight.repository.objects import path_md5
from relight.runtime.files import json_text, read_json
from relight.runtime.messages import did_you_mean_key
from relight.runtime.nested import flatten
from relight.runtime.params import check_document, read_section
from relight.runtime.pipeline import PIPELINE_PATH, frozen_stages, named_paths, read_stages, stage_of_section
from relight.runtime.strict_yaml import Document, read_yaml
from relight.runtime.workspace import is_top, model_folder
from relight.sweep.objective import Objective, find_objective, known_directions, score_in
from relight.sweep.params import Choices, Range, Scalar, SweepParams
from relight.sweep.proposals import Proposal
from relight.sweep.scores import direction_of, keys_with_other_scores, score_name
from relight.train.monitors.choice import resolve_monitor
from relight.train.params import TrainParams

PARAMS_PATH, METRICS_PATH = Path("params.yaml"), Path("reports/metrics.json")

SECTIONS_NOT_FAST, SECTIONS = ("prepare", "split"), Sections._fields

CODE_PATHS = ("src", "stages", "dvc.yaml", "relight.json")

NO_NAME = re.compile(r"[^\w-]+")  # what the name of a Git ref may not hold, and more


class SweepSettings(NamedTuple):
    """The settings of a sweep.

    Attributes:
        document: params.yaml; each trial replaces some of its values.
        fast: whether trials train in the worker process instead of running as experiments.
        monitor: the validation score.
        objective: the score that judges the trials in its place; None for the validation score.
    """

    sweep: SweepParams
    document: Document
    fast: bool
    monitor: Monitor = USUAL_SCORE
    objective: Objective | None = None


def read_sweep_settings(file: Path, *, fast: bool) -> SweepSettings:
    """Read and check sweep.yaml and params.yaml.

    Raises:
        InputError: with every problem of params.yaml, or of sweep.yaml.
    """
    if not file.exists():
        raise InputError(
            f"{file}: no such file in {Path.cwd()}; write one, as `params: {{train.optimizer.learning_rate: "
            "{low: 0.001, high: 0.1, log: true}}`; `relight reference` has its keys"
        )
    sweep_document = read_yaml(file)
    document = read_yaml(PARAMS_PATH)
    assert_sections(document)
    checked = check_document(sweep_document, SweepParams)
    if checked.params is None:
        raise InputError(*checked.problems)
    settings = SweepSettings(checked.params, document, fast, _monitor(document))
    problems = [*_direction_problems(sweep_document, settings), *_problems(sweep_document, settings)]
    if problems:
        raise InputError(*problems)
    settings = settings._replace(objective=find_objective(checked.params, document))
    return settings._replace(sweep=_completed(settings))


def _monitor(document: Document) -> Monitor:
    train = read_section(document, "train", TrainParams)
    return resolve_monitor(train, train.loss)


def _completed(settings: SweepSettings) -> SweepParams:
    """Return the params with the direction of the score, and without pruning if scores cannot be compared."""
    sweep, monitor = settings.sweep, settings.monitor
    direction = "maximize" if sweep.metric is None and direction_of(monitor) == "maximize" else sweep.direction
    direction = settings.objective.direction if settings.objective is not None else direction
    prune = sweep.prune and not keys_with_other_scores(sweep, monitor)
    return sweep.model_copy(update={"direction": direction, "prune": prune})


def sweep_warnings(settings: SweepSettings) -> list[str]:
    """Return what one should know before trusting the best trial."""
    warnings = [
        f"params.{key} is swept, so each trial is scored on other rows: a part of the differences is chance"
        for key in settings.sweep.params
        if key.startswith("split.")
    ]
    warnings += [
        f"params.{key} is swept, so the validation scores are not comparable: no trial ends early"
        for key in keys_with_other_scores(settings.sweep, settings.monitor)
    ]
    split = settings.document.value["split"]
    by_test = (settings.sweep.metric or "").startswith("test.")
    if by_test or (settings.sweep.metric is None and split["validation"] == 0):
        why = "metric is one of the test rows" if by_test else "split.validation is 0, so the test rows validate"
        warnings.append(f"the test rows choose the best trial ({why}): its score on them is better than on new rows")
    return warnings


def with_proposal(document: Document, proposal: Proposal) -> Document:
    """Return params.yaml with these values."""
    value = copy.deepcopy(document.value)
    for dotted, new in proposal.items():
        *above, last = dotted.split(".")
        at = value
        for key in above:
            at = at[key]
        at[last] = new
    written = {at: text for at, text in document.written.items() if ".".join(at) not in proposal}
    return Document(document.name, value, document.lines, written)


def proposal_problem(document: Document, proposal: Proposal) -> str | None:
    """Return what is wrong with these values together; None if nothing is."""
    problems = check_sections(with_proposal(document, proposal)).problems
    return "; ".join(problems) or None


def experiment_name(sweep: SweepParams, trial: str) -> str:
    """Return the name of a trial, and of its experiment.

    It begins with the folder of the model, unless that is the top: the names are those of the whole repository.
    """
    return "-".join(NO_NAME.sub("-", part) for part in (*model_folder().parts, sweep.name, trial))


def study_identity(settings: SweepSettings) -> dict[str, Any]:
    """Return all that makes the trials of a study comparable: metric, search space, params, code and model."""
    sweep = settings.sweep.model_dump(mode="json", include={"metric", "direction", "sampler", "seed", "prune"})
    space = {key: [type(search).__name__, *search] for key, search in settings.sweep.params.items()}
    paths = (*CODE_PATHS, *_shared_code())
    code = run_git("ls-files", "-s", "--", *paths) + _changes(paths)
    own_code = file_digests([Path(path) for path in own_code_files(settings.document)], Path())
    identity = {
        "sweep.yaml": {**sweep, "params": space},
        "params.yaml": settings.document.value,
        "--fast": settings.fast,
        "the code": hashlib.sha256(code.encode()).hexdigest(),
        **({"own code": own_code} if own_code else {}),
        **({} if is_top() else {"the folder": str(model_folder())}),
    }
    return dict(json.loads(json_text(identity)))  # as the storage returns it


def _changes(paths: Iterable[str]) -> str:
    """Return a line for each file with other bytes than in the last commit; "" if there is none.

    What `git diff` prints would be that of the person's settings: another program, another number of lines around.
    """
    listed = run_git("diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", "HEAD", "--", *paths)
    top = Path(run_git("rev-parse", "--show-toplevel"))
    return "".join(f"\n{path_md5(top / name)} {name}" for name in listed.split("\0") if name)


def _shared_code() -> list[str]:
    """Return the dependencies elsewhere in the repository that dvc.yaml names, for several models may share code."""
    stages = read_stages(PIPELINE_PATH).values() if PIPELINE_PATH.exists() else ()
    return sorted({dep for stage in stages for dep in named_paths(stage, "deps") if dep.startswith("../")})


def _problems(sweep_document: Document, settings: SweepSettings) -> Iterator[str]:
    sweep, document, fast, monitor, _ = settings
    values, incomparable = flatten(document.value), keys_with_other_scores(sweep, monitor)
    for key, search in sweep.params.items():
        location = f"{sweep_document.location(('params', key))}: params.{key}"
        if key not in values:
            hint = _did_you_mean(key, list(values)) if _is_unknown(document, key, search) else "; write it there first"
            yield f"{location}: is not in {document.name}{hint}"
        elif fast and key.split(".")[0] in SECTIONS_NOT_FAST:
            yield f"{location}: must not be swept with --fast, which prepares and splits once; leave --fast out"
        elif fast and key.split(".")[0] not in SECTIONS:
            yield f"{location}: must not be swept with --fast, which runs no stage of your own; leave --fast out"
        elif key in incomparable and sweep.metric is None:
            yield (
                f"{location}: must not be swept by the validation score, which is another one with each value; set "
                "metric, as validation.rmse"
            )
        else:
            yield from (f"{location}: {problem}" for problem in _own_problems(document, key, search))
            yield from (f"{location}: {problem}" for problem in _undeclared_problems(document, key, search))
            yield from (f"{location}: {problem}" for problem in _frozen_problems(key))
    if sweep.metric is not None:
        yield from _metric_problems(sweep_document.location(("metric",)), sweep.metric, document, fast=fast)


def _frozen_problems(key: str) -> list[str]:
    """Return a problem if the stage that the key is for does not run, so that all trials would be the same."""
    stages = read_stages(PIPELINE_PATH) if PIPELINE_PATH.exists() else {}
    stage = stage_of_section(key.split(".")[0], stages)
    if stage not in frozen_stages(stages):
        return []
    return [f"must be for a stage that runs, got one for {stage}, which is frozen; `dvc unfreeze {stage}` lets it run"]


def _metric_problems(location: str, metric: str, document: Document, *, fast: bool) -> Iterator[str]:
    if fast:
        yield f"{location}: metric: must be null with --fast, which does not evaluate"
    elif METRICS_PATH.exists() and score_in(metric) not in known_directions(document).keys() - BUILT_IN.keys():
        scores = flatten(read_json(METRICS_PATH))  # of the last run, which may not have had a metric of the user's own
        if metric not in scores:
            yield f"{location}: metric: is not in {METRICS_PATH}{_did_you_mean(metric, list(scores))}"


def _is_unknown(document: Document, key: str, search: Range | Choices) -> bool:
    """Return whether no section has the key; else it has a default, but DVC sets only keys that are in the file."""
    *above, _last = key.split(".")
    at: Any = document.value
    for name in above:
        at = at.get(name) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        return True
    first = search.values[0] if isinstance(search, Choices) else search.low
    problems = check_sections(with_proposal(document, {key: first})).problems
    return any(" is unknown" in problem and key in problem for problem in problems)


def _direction_problems(sweep_document: Document, settings: SweepSettings) -> list[str]:
    sweep, direction = settings.sweep, direction_of(settings.monitor)
    if sweep.metric is not None:
        problems = problems_of(lambda: find_objective(sweep, settings.document))
        return [f"{sweep_document.location(('direction',))}: direction: {problem}" for problem in problems]
    if sweep.direction in (None, direction):
        return []
    better = "higher" if direction == "maximize" else "lower"
    name = score_name(settings.monitor)
    return [f"{sweep_document.name}: direction must be {direction} for the {name}: {better} is better"]


def _own_problems(document: Document, key: str, search: Range | Choices) -> list[str]:
    """Return the problems of values that are wrong whatever the other params are."""
    values: tuple[Scalar, ...] = search.values if isinstance(search, Choices) else (search.low, search.high)
    all_problems: list[str] = []
    for value in values:
        problems = check_sections(with_proposal(document, {key: value})).problems
        own = [problem.split(f": {key}: ", 1)[1] for problem in problems if f": {key}: " in problem]
        all_problems += [problem for problem in own if problem not in all_problems]
    return all_problems


def _undeclared_problems(document: Document, key: str, search: Range | Choices) -> list[str]:
    """Return the deps that dvc.yaml lacks for the calls among the values: the trials with them would fail."""
    values = search.values if isinstance(search, Choices) and key.endswith(CALL) else ()
    tried = [with_proposal(document, {key: value}) for value in values]
    return list(dict.fromkeys(problem for each in tried for problem in undeclared_problems(each, Path())))


def _did_you_mean(word: str, keys: list[str]) -> str:
    """Return a hint by the last word of the key, by its initials (lr), or by the whole key."""
    last = word.rsplit(".", 1)[-1]
    ends = {key: key.rsplit(".", 1)[-1] for key in keys}
    same = [key for key, end in ends.items() if last in (end, "".join(part[:1] for part in end.split("_")))]
    return f"; did you mean {same[0]}?" if same else did_you_mean_key(word, keys)
