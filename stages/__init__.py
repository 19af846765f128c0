"""The scripts of the pipeline. Each runs the code next to it: in a queued experiment that is the experiment's own
copy, and not the one that was installed from the main workspace."""

import gc
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

if find_spec("relight") is None or find_spec("polars") is None:
    sys.exit(f"error: {sys.executable} lacks Relight or its packages; run `. .venv/bin/activate` first")

gc.disable()  # a tenth of the cost of importing torch; the runner turns it on again
