"""Where a local model computes when nobody says so, told without importing torch."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version

NONE_VISIBLE = ("", "-1")


def usual_device() -> str:
    """`cuda` where an NVIDIA card, its driver and a torch that can use it are there, else `cpu`.

    `mps` is never the usual one: its sums differ from the CPU's, and it is taken when asked for.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in NONE_VISIBLE
    return "cuda" if not hidden and shutil.which("nvidia-smi") and _torch_has_cuda() else "cpu"


def usual_dtype(device: str) -> str:
    """The precision that goes with a device."""
    return "bfloat16" if device == "cuda" else "float32"


def _torch_has_cuda() -> bool:
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False
