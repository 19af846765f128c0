"""The `relight` command line: everything but `dvc repro`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from relight.errors import RunError
from relight.prepare.params import PrepareParams
from relight.runtime.messages import run_for_exit_code
from relight.runtime.params import read_section
from relight.runtime.processes import DEFAULT_TIMEOUT_SECONDS
from relight.runtime.strict_yaml import read_yaml
from relight.runtime.workspace import find_root, scratch_folder

PARAMS, SWEEP, PIPELINE = Path("params.yaml"), Path("sweep.yaml"), Path("dvc.yaml")
RAW, MODELS = Path("data/raw"), Path("models")
PREPARED, VALIDATION = Path("data/prepared/table.parquet"), Path("data/split/validation.safetensors")
METRICS, REPORT = Path("reports/metrics.json"), Path("reports/report.html")
SPEED_NAME = "speed.json"  # in the scratch folder

Command = Callable[[argparse.Namespace], str]  # returns what it prints
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 if it is done, 1 if it failed, 2 if its input is wrong."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    return run_for_exit_code(lambda: _write_text(parsed.run(parsed)), f"relight {parsed.command}")


def entry() -> None:
    """End the process with the exit code of the command."""
    sys.exit(main())


def _write_text(text: str) -> None:
    sys.stdout.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relight", description="A PyTorch workflow as a DVC pipeline.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_command(commands, "check", _check, "read params.yaml and the data, and list everything that is wrong")
    _add_compare(commands)
    data = _add_command(commands, "data", _data, "write a sample table to data/raw/")
    data.add_argument("name", nargs="?", help="breast_cancer | diabetes | digits; by default the one in params.yaml")
    deps = _add_command(commands, "deps", _deps, "print the deps that dvc.yaml lacks, because a stage runs own code")
    deps.add_argument("--write", action="store_true", help="add them to dvc.yaml; nothing else in it changes")
    doctor = _add_command(
        commands, "doctor", _doctor, "find what kills, full disks and mistakes left, and how to fix it"
    )
    doctor.add_argument("--fix", action="store_true", help="fix what can be fixed without losing anything")
    _add_embed(commands)
    _add_export(commands)
    _add_launch(commands)
    _add_predict(commands)
    pull = _add_command(commands, "pull", _pull, "fetch the files in dvc.lock from the remote, and check each of them")
    pull.add_argument("name", nargs="?", metavar="REVISION|EXPERIMENT", help="only fill the cache for it")
    _add_command(commands, "reference", _reference, "print every setting of params.yaml and sweep.yaml, as Markdown")
    _add_command(commands, "show", _show, "print the metrics as a table")
    _add_sweep(commands)
    _add_test(commands)
    _add_trace(commands)
    _add_verify(commands)
    return parser


def _add_command(commands: Subparsers, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _add_compare(commands: Subparsers) -> None:
    text = "compare experiments or commits: params, scores, and the rows whose predictions changed most"
    compare = _add_command(commands, "compare", _compare, text)
    compare.add_argument("names", nargs="*", metavar="NAME", help="the first is the one to compare the others with")
    compare.add_argument("-o", "--output", type=Path, help="also write an .html page that opens offline")
    compare.add_argument("--markdown", action="store_true", help="print a table for a pull request")
    compare.add_argument("--rows", type=int, default=5, help="how many of the rows that changed most are listed")


def _add_embed(commands: Subparsers) -> None:
    text = "write the embeddings of records, computed by the similarity model in models/"
    embed = _add_command(commands, "embed", _embed, text)
    embed.add_argument("table", type=Path, help="records: the columns of either side, with or without its prefix")
    embed.add_argument("-o", "--output", type=Path, required=True, help="the .csv to write")
    _add_models(embed)


def _add_export(commands: Subparsers) -> None:
    export = _add_command(commands, "export", _export, "write the model as one file that predicts without Relight")
    export.add_argument("--format", choices=["onnx", "pt2"], required=True, help="for ONNX Runtime, or for PyTorch")
    export.add_argument(
        "-o", "--output", type=Path, help="the file to write; by default model.onnx or model.pt2 in models/"
    )
    _add_models(export)


def _add_launch(commands: Subparsers) -> None:
    launch = _add_command(commands, "launch", _launch, "run a command whose train stage uses several processes")
    launch.add_argument("--processes", type=int, required=True, help="on each machine: one for each GPU or core")
    launch.add_argument("--nodes", type=int, default=1, help="machines; the first one runs the command")
    launch.add_argument("--node-rank", type=int, help="number of this machine, from 0; Slurm and Kubernetes set it")
    launch.add_argument("--rendezvous", metavar="HOST:PORT", help="where the first machine listens for the others")
    launch.add_argument(
        "--timeout", type=int, default=DEFAULT_TIMEOUT_SECONDS, help="seconds that a process waits for the others"
    )
    launch.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="such as dvc repro")


def _add_predict(commands: Subparsers) -> None:
    predict = _add_command(commands, "predict", _predict, "predict the rows of a new table; needs only models/")
    predict.add_argument("table", type=Path, help="a table with the columns of the model: a file or a folder")
    predict.add_argument("-o", "--output", type=Path, required=True, help="the .csv to write")
    _add_models(predict)


def _add_sweep(commands: Subparsers) -> None:
    sweep = _add_command(commands, "sweep", _sweep, "try many params; each trial is a DVC experiment")
    sweep.add_argument("file", type=Path, nargs="?", default=SWEEP, help="which params, and how; sweep.yaml by default")
    sweep.add_argument("--jobs", type=_count, help="trials at a time; by default one for each GPU, or one")
    sweep.add_argument("--fast", action="store_true", help="train in this process, for models that take seconds")
    sweep.add_argument("--keep", type=int, default=1, help="with --fast: how many of the best become experiments")


def _add_test(commands: Subparsers) -> None:
    test = _add_command(commands, "test", _test, "try whether own code keeps its contract, a line for each fact")
    test.add_argument("name", metavar="MODULE:NAME", help="as houses.networks:ResidualMlp")
    test.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="as d_block=64; by default as in params.yaml")
    kinds = ["network", "loss", "metric", "schedule"]
    test.add_argument("--as", dest="kind", choices=kinds, help="by default as params.yaml uses it, else network")


def _add_trace(commands: Subparsers) -> None:
    text = "show where a file came from, and whether it can be reproduced"
    trace = _add_command(commands, "trace", _trace, text)
    trace.add_argument("path", type=Path, help="a model, a metric or a picture, here or copied elsewhere")
    trace.add_argument("--json", action="store_true", help="print JSON")
    trace.add_argument("--no-remote", action="store_true", help="do not ask the default remote")


def _add_verify(commands: Subparsers) -> None:
    verify = _add_command(commands, "verify", _verify, "run a commit's pipeline again, and compare the bytes")
    verify.add_argument("revision", nargs="?", default="HEAD", help="a commit or an experiment; HEAD by default")
    verify.add_argument("--stage", help="only this stage, on the inputs that dvc.lock records")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of model.pth and model.json")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text}")
    return int(text)


# Each command imports its own code: `relight show` must not wait for torch.


def _check(_arguments: argparse.Namespace) -> str:
    from relight.commands.check import check
    from relight.commands.untracked import untracked_notes

    return check(PARAMS) + untracked_notes(PARAMS)


def _compare(arguments: argparse.Namespace) -> str:
    from relight.compare.compare import compare

    return compare(arguments.names, page=arguments.output, markdown=arguments.markdown, n_rows=arguments.rows)


def _data(arguments: argparse.Namespace) -> str:
    from relight.commands.samples import write_sample, write_sample_for

    if arguments.name:
        return write_sample(arguments.name, RAW)
    return write_sample_for(Path(read_section(read_yaml(PARAMS), "prepare", PrepareParams).source))


def _deps(arguments: argparse.Namespace) -> str:
    from relight.deps.deps import deps

    return deps(PARAMS, PIPELINE, write=arguments.write)


def _doctor(arguments: argparse.Namespace) -> str:
    from relight.doctor.doctor import doctor, raise_for_problem

    report = doctor(fix=arguments.fix)
    _write_text(report.text)
    raise_for_problem(report)
    return ""


def _embed(arguments: argparse.Namespace) -> str:
    from relight.predict.pairs import embed

    return embed(arguments.table, models=arguments.models, output=arguments.output)


def _export(arguments: argparse.Namespace) -> str:
    from relight.export.export import export

    return export(
        arguments.format,
        models=arguments.models,
        output=arguments.output,
        prepared=PREPARED,
        validation=VALIDATION,
    )


def _launch(arguments: argparse.Namespace) -> str:
    from relight.commands.launch import launch

    return launch(
        arguments.words,
        processes=arguments.processes,
        nodes=arguments.nodes,
        node_rank=arguments.node_rank,
        rendezvous=arguments.rendezvous,
        timeout=arguments.timeout,
    )


def _predict(arguments: argparse.Namespace) -> str:
    from relight.predict.predict import predict

    return predict(arguments.table, models=arguments.models, output=arguments.output)


def _pull(arguments: argparse.Namespace) -> str:
    from relight.commands.pull import pull

    return pull(arguments.name)


def _reference(_arguments: argparse.Namespace) -> str:
    from relight.commands.reference import reference

    return reference()


def _show(_arguments: argparse.Namespace) -> str:
    from relight.commands.show import show

    is_in_repository = find_root(Path.cwd()) is not None  # reports can be shown elsewhere as well
    return show(METRICS, REPORT, scratch_folder() / SPEED_NAME if is_in_repository else None)


def _sweep(arguments: argparse.Namespace) -> str:
    from relight.sweep.sweep import sweep

    return sweep(arguments.file, jobs=arguments.jobs, fast=arguments.fast, keep=arguments.keep)


def _test(arguments: argparse.Namespace) -> str:
    from relight.commands.contract import run_contract

    return _text_or_raise(*run_contract(arguments.name, arguments.settings, arguments.kind, PARAMS))


def _trace(arguments: argparse.Namespace) -> str:
    from relight.provenance.trace import trace

    return _text_or_raise(*trace(arguments.path, as_json=arguments.json, ask=not arguments.no_remote))


def _verify(arguments: argparse.Namespace) -> str:
    from relight.provenance.verify import verify

    return _text_or_raise(*verify(arguments.revision, arguments.stage))


def _text_or_raise(text: str, problems: list[str]) -> str:
    """Return the text; if there are problems, print it before they are raised.

    Raises:
        RunError: if there are problems.
    """
    if problems:
        _write_text(text)
        raise RunError(*problems)
    return text
