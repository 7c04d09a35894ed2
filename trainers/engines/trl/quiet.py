"""Keeps the libraries from writing to the screen and from reporting their use."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator

SETTINGS = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "critical",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
LOGGERS = ("accelerate", "bitsandbytes", "datasets", "peft", "torch", "transformers", "trl")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence for the time of training; what the user set in the environment stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
