"""Trackers that training reports to: told before any work where one is not installed.

Nothing is sent anywhere unless a tracker was named, and its own settings (WANDB_MODE) stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from advisor.errors import InputError, MissingProgramError

PACKAGES = {
    "azure_ml": ("azureml",),
    "clearml": ("clearml",),
    "codecarbon": ("codecarbon",),
    "comet_ml": ("comet_ml",),
    "dagshub": ("dagshub",),
    "dvclive": ("dvclive",),
    "flyte": ("flytekit",),
    "mlflow": ("mlflow",),
    "neptune": ("neptune",),
    "swanlab": ("swanlab",),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
}
"""Tracker by the library's name -> packages of which one must be there."""


def check_trackers(names: Sequence[str]) -> None:
    """Raise InputError for an unknown tracker, MissingProgramError for one that is not there."""
    for name in names:
        if name not in PACKAGES:
            raise InputError(
                f"The tracker '{name}' is not known.",
                hint=f"Use one or more of: {', '.join(PACKAGES)}.",
                where="report_to",
            )
        if not any(find_spec(package) for package in PACKAGES[name]):
            raise MissingProgramError(
                f"The tracker '{name}' is not installed, so nothing would be reported to it.",
                hint=f"Install it with: pip install {PACKAGES[name][0]}. Or leave it out of"
                " report_to.",
                where="report_to",
            )
