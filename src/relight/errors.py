"""The errors that a person is meant to read: what is wrong, where, and what to do next.

RelightError          carries `problems`, one line each; ends the process with `exit_code`
├── InputError        2: params, tables, files or arguments that the person can mend
└── RunError          1: the run itself failed (diverged, disk full, files changed under it)
"""


class RelightError(Exception):
    exit_code = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(RelightError):
    exit_code = 2


class RunError(RelightError):
    exit_code = 1
