"""The version of Relight, in a file of its own: a new number makes no stage of a project run again."""

RELIGHT_VERSION = "0.2.0"  # as in pyproject.toml; what is installed may be another copy than the code that runs
