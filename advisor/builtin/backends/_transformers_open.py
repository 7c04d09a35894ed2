"""Opens what there is to ask: a model, a PEFT adapter on its base, or what a method has kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from advisor.builtin.backends._transformers_load import (
    DTYPES,
    Loaded,
    at_hand,
    first_line,
    open_model,
    open_tokenizer,
)
from advisor.builtin.backends.model_folder import (
    ADAPTER,
    check_folder,
    is_kept,
    looks_like_path,
    read_json,
)
from advisor.contracts import Keeping, Method
from advisor.contracts.base_facts import BASE_FACTS, weights_digest
from advisor.errors import MissingExtraError, ModelFolderError, UnsupportedArchitectureError

MISFITS = ("size mismatch", "target modules", "not found in the base model")
"""What PEFT says of an adapter whose layers the base does not have."""


def load(
    reference: str,
    device: str,
    dtype: str,
    method: Callable[[str], Method] | None = None,
    base: str = "",
) -> Loaded:
    """Model and tokenizer on the device; `base` is where that of an adapter lies here.

    Raises ModelFolderError, UnsupportedArchitectureError and MissingExtraError.
    """
    place = at_hand(reference)
    folder = Path(place)
    if (folder / ADAPTER).is_file():
        return _load_adapter(folder, device, dtype, base)
    if is_kept(folder):
        return _load_kept(folder, device, dtype, method)
    if (folder / "config.json").is_file():
        _refuse_scorer(read_json(folder, "config.json").get("architectures"), folder)
    model = open_model(place, device, dtype, None)
    folders = (folder,) if folder.is_dir() else ()
    return Loaded(model, open_tokenizer(place), folders)


def _load_adapter(folder: Path, device: str, dtype: str, told: str) -> Loaded:
    config = read_json(folder, ADAPTER)
    if config.get("task_type") == "SEQ_CLS":
        _refuse_scorer(["ForSequenceClassification"], folder)
    base = _base(told or _named(folder), folder, f"in {ADAPTER} (base_model_name_or_path)")
    model = _base_model(base, device, dtype, _quantisation(folder, device))
    return _loaded(_with_adapter(model, folder, base), folder, base)


def _base_model(base: str, device: str, dtype: str, packing: BitsAndBytesConfig | None) -> Any:
    """The base; one that is an adapter itself is merged unpacked, and packed afterwards."""
    folder = Path(base)
    if not (folder / ADAPTER).is_file():
        return open_model(base, device, dtype, packing)
    below = _base(_named(folder), folder, f"in {ADAPTER} (base_model_name_or_path)")
    model = _with_adapter(_base_model(below, device, dtype, None), folder, below)
    merged = model.merge_and_unload(safe_merge=True)
    if packing is None:
        return merged
    with tempfile.TemporaryDirectory(prefix="advisor-merged-") as place:
        merged.save_pretrained(place)
        return open_model(place, device, dtype, packing)


def _named(folder: Path) -> str:
    """The base that an adapter's files name, hub id or folder; empty where they name none."""
    named = read_json(folder, ADAPTER).get("base_model_name_or_path")
    if not named and _has_facts(folder):
        named = read_json(folder, BASE_FACTS).get("model")
    return str(named or "")


def _with_adapter(model: Any, folder: Path, base: str) -> Any:
    try:
        from peft import PeftModel  # noqa: PLC0415 - only adapters need it
    except ImportError:
        raise MissingExtraError("Opening an adapter", "train") from None
    try:
        return PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except Exception as error:
        if any(words in str(error).lower() for words in MISFITS):
            raise _another_base(base, folder) from error
        raise ModelFolderError(
            f"The adapter cannot be put on its base '{base}': {first_line(error)}",
            hint="Train it again, or check that the base is the one it was trained on.",
            where=str(folder),
        ) from error


def _load_kept(
    folder: Path, device: str, dtype: str, method: Callable[[str], Method] | None
) -> Loaded:
    facts = read_json(folder, BASE_FACTS)
    if facts.get("objective") == "reward":
        _refuse_scorer(["ForSequenceClassification"], folder)
    base = _base(str(facts.get("model") or ""), folder, f"in {BASE_FACTS} (model)")
    name = str(facts.get("method") or "")
    found: object = method(name) if method is not None and name else None
    if not isinstance(found, Keeping):
        raise ModelFolderError(
            f"Weights kept by the method '{name}' cannot be opened here.",
            hint="Install the package that brings this method, in a version that keeps weights.",
            where=str(folder),
        )
    model = _base_model(base, device, dtype, _quantisation(folder, device))
    model = found.restore(model, folder)
    return _loaded(model, folder, base)


def _loaded(model: Any, folder: Path, base: str) -> Loaded:
    has_tokenizer = (folder / "tokenizer_config.json").is_file()
    tokenizer = open_tokenizer(str(folder) if has_tokenizer else base)
    folders = (folder, *([Path(base)] if Path(base).is_dir() else []))
    return Loaded(model.eval(), tokenizer, folders)


def _base(named: str, folder: Path, place: str) -> str:
    """The base's folder or hub id. Raises ModelFolderError where it is gone, or another one."""
    if Path(named).is_dir():
        check_folder(Path(named))
    elif not named or looks_like_path(named):
        raise ModelFolderError(
            f"The adapter's base model '{named}' is not there.",
            hint=f"Put it back, or name its new place {place}.",
            where=str(folder),
        )
    base = at_hand(named)
    told = read_json(folder, BASE_FACTS).get("base_digest") if _has_facts(folder) else None
    if told and Path(base).is_dir() and weights_digest(Path(base)) != told:
        raise _another_base(base, folder)
    return base


def _another_base(base: str, folder: Path) -> ModelFolderError:
    return ModelFolderError(
        f"The adapter was trained on another base than '{base}': the weights there are others.",
        hint="Put the old base back, name its place in the adapter's files, or train again.",
        where=str(folder),
    )


def _refuse_scorer(architectures: object, folder: Path) -> None:
    names = architectures if isinstance(architectures, list) else []
    if any("ForSequenceClassification" in str(name) for name in names):
        raise UnsupportedArchitectureError(
            "This model gives scores and writes no answers (a reward model or a classifier).",
            hint="Name it where a reward model is asked for, or open a language model.",
            where=str(folder),
        )


def _has_facts(folder: Path) -> bool:
    return (folder / BASE_FACTS).is_file()


def _quantisation(folder: Path, device: str) -> BitsAndBytesConfig | None:
    """The quantisation of the base that was trained on, where it was quantised."""
    if not _has_facts(folder):
        return None
    facts = read_json(folder, BASE_FACTS)
    bits, precision = facts.get("base_bits"), str(facts.get("precision", "float32"))
    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    if bits != 4:
        return None
    compute = DTYPES.get(precision, torch.float32) if device == "cuda" else torch.float32
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=facts.get("double_quantisation", True) is not False,
        bnb_4bit_compute_dtype=compute,
    )
