"""Which GPUs are here, asked without torch: the process that starts others must not wait for it, or hold one."""

import os
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """Their names, as CUDA_VISIBLE_DEVICES takes them."""
    if VISIBLE in os.environ:
        return [name.strip() for name in os.environ[VISIBLE].split(",") if name.strip()]
    try:
        asked = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    return said.stdout.split() if said.returncode == 0 else []


def gpu_of(job: int, gpus: list[str]) -> dict[str, str]:
    """What is set in the environment of a job; they take turns where there are fewer GPUs than jobs."""
    return {VISIBLE: gpus[job % len(gpus)]} if gpus else {}
