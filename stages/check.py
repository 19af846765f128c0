"""The check before each stage: every section of params.yaml, own code, and before prepare the data as well.

It runs in a process of its own, so that no stage depends on the params classes of the others; on its output are the
files of own code that it has read.
"""

import sys
from contextlib import redirect_stdout
from pathlib import Path

from relight.deps.checks import own_code_files
from relight.params import assert_sections
from relight.runtime.messages import run_for_exit_code, write_err
from relight.runtime.strict_yaml import read_yaml

PARAMS = Path("params.yaml")


def check(stage: str) -> None:
    if stage == "prepare":
        from relight.commands.check import (
            check as check_all,  # it imports Polars, which the other stages need not wait for
        )

        with redirect_stdout(sys.stderr):  # a reader of the user's own may print
            said = check_all(PARAMS)
        write_err(said)
    else:
        assert_sections(read_yaml(PARAMS))
    sys.stdout.write("".join(f"{path}\n" for path in own_code_files(read_yaml(PARAMS))))


if __name__ == "__main__":
    sys.exit(run_for_exit_code(lambda: check(sys.argv[1]), "check"))
