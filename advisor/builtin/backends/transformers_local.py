"""Causal language models on this machine through transformers: plain folders and PEFT adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from advisor.builtin.backends.model_folder import check_folder, looks_like_path
from advisor.builtin.backends.quiet import quiet
from advisor.builtin.backends.usual_device import usual_device, usual_dtype
from advisor.contracts import Method, PluginInfo, Session
from advisor.errors import MissingExtraError, ModelFolderError


class TransformersBackend:
    """The ordinary way to open a model; torch is imported on opening and not before."""

    info = PluginInfo(id="transformers", label="Transformers on this machine", extra="train")

    def __init__(self, method: Callable[[str], Method] | None = None) -> None:
        self._method = method

    def restoring(self, method: Callable[[str], Method]) -> Self:
        """The same, able to open what a tuning method has kept in a form of its own."""
        return type(self)(method)

    def deciding(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Device, precision and seed: a GPU's answers in bfloat16 are not a CPU's."""
        device = settings.get("device") or usual_device()
        told = {"device": device, "dtype": settings.get("dtype") or usual_dtype(device)}
        return told | ({"seed": settings["seed"]} if "seed" in settings else {})

    def open(self, model: str, settings: dict[str, str]) -> Session:
        """Open a folder or hub id: bfloat16 on an NVIDIA GPU, float32 elsewhere.

        Settings: `device` (`cpu`, `cuda`, `mps`; without one CUDA where it is there, else the CPU),
        `dtype` (`float32`, `bfloat16`, `float16`), `batch_size` (16 times that many prompts are
        sorted by length together), `seed` for prompts with a temperature, `json_schema`, the text
        of a schema that every answer then follows unless it is cut off, and `base`, where the base
        of an adapter lies whose own files do not say it.

        A folder may hold a model, a PEFT adapter that names its base, or what another tuning
        method has kept. A name that is no folder is looked for in the hub's local cache, and on the
        hub only when ADVISOR_ALLOW_DOWNLOAD is 1.
        Raises BackendError for a setting that cannot be kept, MissingExtraError, ModelFolderError
        or UnsupportedArchitectureError.
        """
        folder = Path(model)
        if folder.is_dir():
            check_folder(folder)
        elif looks_like_path(model):
            raise ModelFolderError(
                f"There is no model folder '{model}'.",
                hint="Check the path, or use `tiny` for the embedded model.",
                where=model,
            )
        if any(find_spec(name) is None for name in ("torch", "transformers")):
            raise MissingExtraError("Running a local model", "train")
        with quiet():
            from advisor.builtin.backends._transformers import (  # noqa: PLC0415 - delays torch
                open_session,
            )

            return open_session(model, settings, self._method)
