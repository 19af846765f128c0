"""`dvc` that ends when the process that started it ends."""

import os
import runpy

from relight.runtime.lifetime import PARENT_VARIABLE, end_with_parent

if __name__ == "__main__":
    end_with_parent()
    os.environ.pop(PARENT_VARIABLE, None)  # the stages below have another parent
    runpy.run_module("dvc", run_name="__main__", alter_sys=True)
