"""The `relight` command line: everything but `dvc repro`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from relight.dispatch import (
    MODELS,
    SWEEP,
    dispatch,
    run_check,
    run_compare,
    run_data,
    run_deps,
    run_doctor,
    run_embed,
    run_export,
    run_launch,
    run_new,
    run_predict,
    run_pull,
    run_reference,
    run_show,
    run_sweep,
    run_test,
    run_trace,
    run_upgrade,
    run_verify,
)
from relight.runtime.messages import open_standard_files, run_for_exit_code
from relight.runtime.processes import DEFAULT_TIMEOUT_SECONDS

Command = Callable[[argparse.Namespace], str]  # returns what it prints
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 if it is done, 1 if it failed, 2 if its input is wrong."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    return run_for_exit_code(lambda: dispatch(parsed), f"relight {parsed.command}", left="no file is half written")


def entry() -> None:
    """End the process with the exit code of the command."""
    open_standard_files()
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relight", description="A PyTorch workflow as a DVC pipeline.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_command(commands, "check", run_check, "read params.yaml and the data, and list everything that is wrong")
    _add_compare(commands)
    data = _add_command(commands, "data", run_data, "write a sample table to data/raw/")
    data.add_argument("name", nargs="?", help="breast_cancer | diabetes | digits; by default the one in params.yaml")
    deps = _add_command(commands, "deps", run_deps, "print the deps that dvc.yaml lacks, because a stage runs own code")
    deps.add_argument("--write", action="store_true", help="add them to dvc.yaml; nothing else in it changes")
    doctor = _add_command(
        commands, "doctor", run_doctor, "find what kills, full disks and mistakes left, and how to fix it"
    )
    doctor.add_argument("--fix", action="store_true", help="fix what can be fixed without losing anything")
    _add_embed(commands)
    _add_export(commands)
    _add_launch(commands)
    _add_new(commands)
    _add_predict(commands)
    pull = _add_command(
        commands, "pull", run_pull, "fetch the files in dvc.lock from the remote, and check each of them"
    )
    pull.add_argument("name", nargs="?", metavar="REVISION|EXPERIMENT", help="only fill the cache for it")
    _add_command(commands, "reference", run_reference, "print every setting of params.yaml and sweep.yaml, as Markdown")
    _add_command(commands, "show", run_show, "print the metrics as a table")
    _add_sweep(commands)
    _add_test(commands)
    _add_trace(commands)
    upgrade = _add_command(commands, "upgrade", run_upgrade, "bring this project to the installed Relight")
    upgrade.add_argument("--yes", action="store_true", help="do not ask before the changes are made")
    _add_verify(commands)
    return parser


def _add_command(commands: Subparsers, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _add_compare(commands: Subparsers) -> None:
    text = "compare experiments or commits: params, scores, and the rows whose predictions changed most"
    compare = _add_command(commands, "compare", run_compare, text)
    compare.add_argument("names", nargs="*", metavar="NAME", help="the first is the one to compare the others with")
    compare.add_argument("-o", "--output", type=Path, help="also write an .html page that opens offline")
    compare.add_argument("--markdown", action="store_true", help="print a table for a pull request")
    compare.add_argument("--rows", type=int, default=5, help="how many of the rows that changed most are listed")


def _add_embed(commands: Subparsers) -> None:
    text = "write the embeddings of records, computed by the similarity model in models/"
    embed = _add_command(commands, "embed", run_embed, text)
    embed.add_argument("table", type=Path, help="records: the columns of either side, with or without its prefix")
    embed.add_argument("-o", "--output", type=Path, required=True, help="the .csv to write")
    _add_models(embed)


def _add_export(commands: Subparsers) -> None:
    export = _add_command(commands, "export", run_export, "write the model as one file that predicts without Relight")
    export.add_argument("--format", choices=["onnx", "pt2"], required=True, help="for ONNX Runtime, or for PyTorch")
    export.add_argument(
        "-o", "--output", type=Path, help="the file to write; by default model.onnx or model.pt2 in models/"
    )
    _add_models(export)


def _add_launch(commands: Subparsers) -> None:
    launch = _add_command(commands, "launch", run_launch, "run a command whose train stage uses several processes")
    launch.add_argument("--processes", type=int, required=True, help="on each machine: one for each GPU or core")
    launch.add_argument("--nodes", type=int, default=1, help="machines; the first one runs the command")
    launch.add_argument("--node-rank", type=int, help="number of this machine, from 0; Slurm and Kubernetes set it")
    launch.add_argument("--rendezvous", metavar="HOST:PORT", help="where the first machine listens for the others")
    launch.add_argument(
        "--timeout", type=int, default=DEFAULT_TIMEOUT_SECONDS, help="seconds that a process waits for the others"
    )
    launch.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="such as dvc repro")


def _add_new(commands: Subparsers) -> None:
    new = _add_command(commands, "new", run_new, "make a project: a folder with a pipeline, for a table of your own")
    new.add_argument("folder", type=Path, help="its name is that of the package of your own code")
    new.add_argument("--recipe", help="which params.yaml to begin with; by default the line, or table with a --source")
    new.add_argument("--source", type=Path, help="your table; it is copied to data/raw/ unless the repository holds it")
    new.add_argument("--target", help="the column to predict")


def _add_predict(commands: Subparsers) -> None:
    predict = _add_command(commands, "predict", run_predict, "predict the rows of a new table; needs only models/")
    predict.add_argument("table", type=Path, help="a table with the columns of the model: a file or a folder")
    predict.add_argument("-o", "--output", type=Path, required=True, help="the .csv to write")
    keep_help = "a column of the table to write in front of the predictions; may be given several times"
    predict.add_argument("--keep", action="append", default=[], metavar="COLUMN", help=keep_help)
    escape_help = "put ' in front of texts that begin as a formula, because a spreadsheet would run them"
    predict.add_argument("--escape-formulas", action="store_true", help=escape_help)
    history_help = "for a forecast: the rows before those of the table, if the table holds only what is to come"
    predict.add_argument("--history", type=Path, metavar="TABLE", help=history_help)
    assume_help = "for a forecast: take values that are known ahead but missing for the last one, or for 0"
    predict.add_argument("--assume-known", choices=["last", "zero"], help=assume_help)
    _add_models(predict)


def _add_sweep(commands: Subparsers) -> None:
    sweep = _add_command(commands, "sweep", run_sweep, "try many params; each trial is a DVC experiment")
    sweep.add_argument("file", type=Path, nargs="?", default=SWEEP, help="which params, and how; sweep.yaml by default")
    sweep.add_argument("--jobs", type=_count, help="trials at a time; by default one for each GPU, or one")
    sweep.add_argument("--fast", action="store_true", help="train in this process, for models that take seconds")
    sweep.add_argument("--keep", type=int, default=1, help="with --fast: how many of the best become experiments")


def _add_test(commands: Subparsers) -> None:
    test = _add_command(commands, "test", run_test, "try whether own code keeps its contract, a line for each fact")
    test.add_argument("name", metavar="MODULE:NAME", help="as houses.networks:ResidualMlp")
    test.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="as d_block=64; by default as in params.yaml")
    kinds = ["network", "loss", "metric", "schedule", "optimizer", "reader"]
    test.add_argument("--as", dest="kind", choices=kinds, help="by default as params.yaml uses it, else network")
    test.add_argument("--source", type=Path, help="the file that a reader is tried on; by default prepare.source")


def _add_trace(commands: Subparsers) -> None:
    text = "show where a file came from, and whether it can be reproduced"
    trace = _add_command(commands, "trace", run_trace, text)
    trace.add_argument("path", type=Path, help="a model, a metric or a picture, here or copied elsewhere")
    trace.add_argument("--json", action="store_true", help="print JSON")
    trace.add_argument("--no-remote", action="store_true", help="do not ask the default remote")


def _add_verify(commands: Subparsers) -> None:
    verify = _add_command(commands, "verify", run_verify, "run a commit's pipeline again, and compare the bytes")
    verify.add_argument("revision", nargs="?", default="HEAD", help="a commit or an experiment; HEAD by default")
    verify.add_argument("--stage", help="only this stage, on the inputs that dvc.lock records")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of model.pth and model.json")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text}")
    return int(text)
