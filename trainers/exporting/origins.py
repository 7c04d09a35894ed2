"""What a tuned folder stands on, down to a whole model, and whether it can be one with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from advisor.contracts.tensor_headers import TensorAbout, tensors_in
from advisor.errors import ModelFolderError, PlanError
from trainers.origin import Origin, base_of, origin_of

DTYPES = ("float32", "bfloat16", "float16")
STORED = {"F32": "float32", "F64": "float32", "BF16": "bfloat16", "F16": "float16"}
"""What safetensors calls them."""
WEIGHTS = "adapter_model.safetensors"
MERGING = "lora, dora, loha, lokr, ia3, vera, oft or boft"


class Lineage(NamedTuple):
    """A tuned folder and what is below it."""

    layers: tuple[Origin, ...]
    """What was trained beside a base, the last first; none for a whole model."""
    base: str
    """Folder of the whole model below."""
    dtype: str
    """What its weights are in."""
    tokenizer: Path
    """Where the tokenizer is that the tuned model was asked with."""

    @property
    def is_packed(self) -> bool:
        """Whether any of it was trained on a base in 4 or 8 bits."""
        return any(one.is_packed for one in self.layers)


def lineage_of(folder: Path, at_hand: Callable[[str], Path], *, is_merged: bool = True) -> Lineage:
    """What a folder stands on; `at_hand` finds the folder of a base.

    Raises ModelFolderError where a base is gone or another one, or is packed and to be merged; and
    PlanError for models that give scores.
    """
    layers: list[Origin] = []
    here = origin_of(folder)
    while here.kind != "whole":
        layers.append(here)
        if len(layers) > 8 or here.folder in [one.folder for one in layers[:-1]]:
            raise ModelFolderError(
                f"The adapters below '{folder}' name each other as their base.",
                hint="Set base_model_name_or_path to the model that each was trained on.",
                where=str(folder),
            )
        here = origin_of(at_hand(base_of(here.folder)))
    for layer in layers:
        _refuse_empty(layer)
    _refuse(here, layers, is_merged=is_merged)
    with_tokenizer = (
        one.folder for one in (*layers, here) if (one.folder / "tokenizer_config.json").is_file()
    )
    return Lineage(
        tuple(layers), str(here.folder), _dtype_of(here), next(with_tokenizer, here.folder)
    )


def _refuse_empty(origin: Origin) -> None:
    """Raise ModelFolderError for an adapter without weights, which PEFT would seek on the hub."""
    names = (WEIGHTS, "adapter_model.bin")
    if origin.kind == "adapter" and not any((origin.folder / n).is_file() for n in names):
        raise ModelFolderError(
            f"The adapter in '{origin.folder}' has no weights: {WEIGHTS} is not there.",
            hint="Copy the folder again; the training wrote it beside adapter_config.json.",
            where=str(origin.folder),
        )


def _refuse(whole: Origin, layers: list[Origin], *, is_merged: bool) -> None:
    if is_merged and "quantization_config" in whole.config:
        kind = whole.config["quantization_config"]
        name = kind.get("quant_method", "") if isinstance(kind, dict) else ""
        raise ModelFolderError(
            f"The weights in '{whole.folder}' are packed ({name or 'quantised'}): merging would"
            " round what was tuned into a few bits.",
            hint="Name the unpacked model that it was made from as base_model_name_or_path in the"
            " adapter's files.",
            where=str(whole.folder),
        )
    scores = any("ForSequenceClassification" in n for n in whole.config.get("architectures") or ())
    if scores or any(one.config.get("task_type") == "SEQ_CLS" for one in layers):
        raise PlanError(
            "This model gives scores and writes no answers (a reward model or a classifier), so"
            " nothing could show that a merged one is the same.",
            hint="Keep it as it is; it is opened where a reward model is asked for.",
            where=str((layers[0] if layers else whole).folder),
        )


def refuse_unmergeable(origin: Origin, *, is_prompt: bool) -> None:
    """Raise PlanError for adapters that are no change of weights."""
    if is_prompt:
        raise PlanError(
            f"The adapter in {origin.folder} is trained tokens before the prompt"
            f" ({origin.config.get('peft_type')}): there is no weight to merge them into.",
            hint=f"Keep it beside its base, or tune by {MERGING} for a model in one piece.",
            where=str(origin.folder),
        )
    if origin.config.get("alora_invocation_tokens"):
        raise PlanError(
            f"The adapter in {origin.folder} is an activated LoRA: it works from its invocation"
            " tokens on only, and a merged one would work everywhere.",
            hint="Keep it beside its base.",
            where=str(origin.folder),
        )


def _dtype_of(whole: Origin) -> str:
    """What a checkpoint's weights are in: of its files, else of its configuration."""
    for file in sorted(whole.folder.glob("*.safetensors")):
        kinds = _kinds_in(file)
        found = max((k for k in kinds if k in STORED), key=lambda k: kinds[k], default=None)
        if found is not None:
            return STORED[found]
    named = str(whole.config.get("dtype") or whole.config.get("torch_dtype") or "")
    return named if named in DTYPES else "float32"


def _kinds_in(file: Path) -> dict[str, int]:
    """Bytes by dtype, from a file's header."""
    sizes: dict[str, int] = {}
    for about in header_of(file).values():
        sizes[about.dtype] = sizes.get(about.dtype, 0) + about.end - about.start
    return sizes


def bytes_of(whole: Path, dtype: str) -> int:
    """Bytes of a whole model's weights in a precision; of its files, where headers do not tell."""
    size = 4 if dtype == "float32" else 2
    headers = [header_of(file) for file in sorted(whole.glob("*.safetensors"))]
    if headers:
        return sum(size * about.numbers for header in headers for about in header.values())
    return sum(file.stat().st_size for file in whole.glob("pytorch_model*.bin"))


def names_in(folder: Path) -> set[str]:
    """Names of the tensors in a model folder's safetensors files."""
    return {name for file in folder.glob("*.safetensors") for name in header_of(file)}


def header_of(file: Path) -> dict[str, TensorAbout]:
    """The tensors of a safetensors file. Raises ModelFolderError for a broken one."""
    try:
        return tensors_in(file)
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"{file.name} cannot be read: {error}",
            hint="Copy the folder again, or train again.",
            where=str(file.parent),
        ) from error
