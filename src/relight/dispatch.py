"""The commands as functions of their arguments: each returns what it prints.

Each imports its own code: `relight show` must not wait for torch.
"""

import argparse
from pathlib import Path

from relight.errors import RunError
from relight.extras import require_extra
from relight.prepare.params import PrepareParams
from relight.runtime.messages import write_out
from relight.runtime.params import read_section
from relight.runtime.strict_yaml import read_yaml
from relight.runtime.workspace import find_root, scratch_folder

PARAMS, SWEEP, PIPELINE = Path("params.yaml"), Path("sweep.yaml"), Path("dvc.yaml")
RAW, MODELS = Path("data/raw"), Path("models")
PREPARED, VALIDATION = Path("data/prepared/table.parquet"), Path("data/split/validation.safetensors")
METRICS, REPORT = Path("reports/metrics.json"), Path("reports/report.html")
SPEED_NAME = "speed.json"  # in the scratch folder
COMMANDS_OF_A_MODEL = ("check", "compare", "data", "deps", "show", "sweep", "verify")  # they need the folder of a model
COMMANDS_WITH_STYLES = ("compare", "sweep")


def dispatch(parsed: argparse.Namespace) -> None:
    """Run the command and print what it returns.

    Raises:
        InputError: if it needs the folder of a model, and the current folder is none.
    """
    if parsed.command in COMMANDS_OF_A_MODEL:
        from relight.repository.other_models import assert_model_here

        assert_model_here()
    write_out(parsed.run(parsed), styled=parsed.command in COMMANDS_WITH_STYLES)


def run_check(_arguments: argparse.Namespace) -> str:
    from relight.commands.check import check
    from relight.commands.extra import extra_notes
    from relight.commands.untracked import line_ends_notes, untracked_notes
    from relight.deps.braces import brace_notes
    from relight.repository.revisions import frozen_notes, locked_list_problems
    from relight.runtime.places import configured_cache

    text = check(PARAMS) + untracked_notes(PARAMS) + line_ends_notes(PARAMS) + extra_notes() + brace_notes(PARAMS)
    text += frozen_notes()
    root = find_root(Path.cwd())
    return _text_or_raise(text, [] if root is None else locked_list_problems(configured_cache(root)))


def run_compare(arguments: argparse.Namespace) -> str:
    from relight.compare.compare import compare

    return compare(arguments.names, page=arguments.output, markdown=arguments.markdown, n_rows=arguments.rows)


def run_data(arguments: argparse.Namespace) -> str:
    from relight.commands.samples import write_sample, write_sample_for
    from relight.runtime.places import assert_inside

    if arguments.name:
        return write_sample(arguments.name, RAW)
    source = Path(read_section(read_yaml(PARAMS), "prepare", PrepareParams).source)
    assert_inside(source)
    return write_sample_for(source)


def run_deps(arguments: argparse.Namespace) -> str:
    from relight.deps.deps import deps

    return deps(PARAMS, PIPELINE, write=arguments.write)


def run_doctor(arguments: argparse.Namespace) -> str:
    from relight.doctor.doctor import doctor, raise_for_problem

    report = doctor(fix=arguments.fix)
    write_out(report.text)
    raise_for_problem(report)
    return ""


def run_embed(arguments: argparse.Namespace) -> str:
    from relight.predict.pairs import embed

    return embed(arguments.table, models=arguments.models, output=arguments.output)


def run_export(arguments: argparse.Namespace) -> str:
    require_extra("export")
    from relight.export.export import export

    return export(
        arguments.format,
        models=arguments.models,
        output=arguments.output,
        prepared=PREPARED,
        validation=VALIDATION,
    )


def run_launch(arguments: argparse.Namespace) -> str:
    from relight.commands.launch import launch

    return launch(
        arguments.words,
        processes=arguments.processes,
        nodes=arguments.nodes,
        node_rank=arguments.node_rank,
        rendezvous=arguments.rendezvous,
        timeout=arguments.timeout,
    )


def run_new(arguments: argparse.Namespace) -> str:
    from relight.project.new import new

    return new(arguments.folder, arguments.recipe, arguments.source, arguments.target)


def run_predict(arguments: argparse.Namespace) -> str:
    from relight.predict.predict import predict

    return predict(
        arguments.table,
        models=arguments.models,
        output=arguments.output,
        keep=arguments.keep,
        escape_formulas=arguments.escape_formulas,
        history=arguments.history,
        assume_known=arguments.assume_known,
    )


def run_pull(arguments: argparse.Namespace) -> str:
    from relight.commands.pull import pull

    return pull(arguments.name)


def run_reference(_arguments: argparse.Namespace) -> str:
    from relight.commands.reference import reference

    return reference()


def run_show(_arguments: argparse.Namespace) -> str:
    from relight.commands.show import show

    is_in_repository = find_root(Path.cwd()) is not None  # reports can be shown elsewhere as well
    return show(METRICS, REPORT, scratch_folder() / SPEED_NAME if is_in_repository else None)


def run_sweep(arguments: argparse.Namespace) -> str:
    require_extra("sweep")
    from relight.sweep.sweep import sweep

    return sweep(arguments.file, jobs=arguments.jobs, fast=arguments.fast, keep=arguments.keep)


def run_test(arguments: argparse.Namespace) -> str:
    from relight.commands.contract import run_contract

    kind, source = arguments.kind, arguments.source
    return _text_or_raise(*run_contract(arguments.name, arguments.settings, kind, PARAMS, source))


def run_trace(arguments: argparse.Namespace) -> str:
    from relight.provenance.trace import trace

    return _text_or_raise(*trace(arguments.path, as_json=arguments.json, ask=not arguments.no_remote))


def run_upgrade(arguments: argparse.Namespace) -> str:
    from relight.project.upgrade import ask, upgrade

    return upgrade(write_out, (lambda: True) if arguments.yes else ask)


def run_verify(arguments: argparse.Namespace) -> str:
    from relight.provenance.verify import verify

    return _text_or_raise(*verify(arguments.revision, arguments.stage))


def _text_or_raise(text: str, problems: list[str]) -> str:
    """Return the text; if there are problems, print it before they are raised.

    Raises:
        RunError: if there are problems.
    """
    if problems:
        write_out(text)
        raise RunError(*problems)
    return text
