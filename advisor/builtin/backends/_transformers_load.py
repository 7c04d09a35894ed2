"""Loads model and tokenizer of a folder or hub id; what stands on a base is opened elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from advisor.errors import MissingExtraError, ModelFolderError, UnsupportedArchitectureError
from advisor.schema.chat import PLAIN_CHAT_TEMPLATE

ALLOW_DOWNLOAD = "ADVISOR_ALLOW_DOWNLOAD"
"""Set to 1, it lets a model be fetched from the hub; nothing is downloaded otherwise."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Loaded(NamedTuple):
    """A model ready to answer, with its tokenizer and the folders it came from."""

    model: Any
    tokenizer: Any
    folders: tuple[Path, ...]


def at_hand(reference: str) -> str:
    """The folder of a model: of a hub id, its snapshot in the hub's local cache.

    The library looks for an adapter beside a hub id on the hub itself, even when it is told to stay
    offline; in a folder it looks on the disk. Where downloading is allowed the id is left to it.
    Raises ModelFolderError where the cache does not have the model.
    """
    if Path(reference).is_dir() or not stays_offline(reference):
        return reference
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only for hub ids

    try:
        return str(snapshot_download(reference, local_files_only=True))
    except Exception as error:
        raise unusable(reference, error) from error


def end_tokens(loaded: Loaded) -> list[int]:
    """Every token that ends an answer: the model's own and the tokenizer's."""
    own = getattr(loaded.model.generation_config, "eos_token_id", None)
    found = [] if own is None else [own] if isinstance(own, int) else list(own)
    last = loaded.tokenizer.eos_token_id
    return found if last is None or last in found else [*found, last]


def open_model(
    reference: str, device: str, dtype: str, quantisation: BitsAndBytesConfig | None
) -> Any:
    """The model in a precision on the device, quantised where that is asked for.

    Raises ModelFolderError, UnsupportedArchitectureError and MissingExtraError.
    """
    more: dict[str, Any] = {}
    if quantisation is not None:
        more = {"quantization_config": quantisation, "device_map": {"": device}}
    try:
        model, loading = AutoModelForCausalLM.from_pretrained(
            reference,
            dtype=DTYPES[dtype],
            local_files_only=stays_offline(reference),
            output_loading_info=True,
            **more,
        )
    except (ValueError, KeyError) as error:
        raise UnsupportedArchitectureError(
            f"The architecture of '{reference}' cannot be loaded: {first_line(error)}",
            hint="Use a causal language model that the installed transformers knows.",
            where=reference,
        ) from error
    except ImportError as error:
        if quantisation is None:
            raise unusable(reference, error) from error
        raise MissingExtraError("An adapter on a quantised base", "qlora") from error
    except Exception as error:
        raise unusable(reference, error) from error
    _check_whole(reference, loading)
    return (model if quantisation else model.to(device)).eval()


def _check_whole(reference: str, loading: dict[str, Any]) -> None:
    """Refuse weights with holes, which would otherwise be filled with random numbers."""
    holes = sorted(loading.get("missing_keys") or ())
    if holes:
        raise ModelFolderError(
            f"The weights of '{reference}' lack {len(holes)} tensors, first '{holes[0]}'.",
            hint="Download the model again; its weights and config.json do not belong together.",
            where=reference,
        )


def open_tokenizer(reference: str) -> Any:
    """The tokenizer, padding on the left, with the plain chat form where it brings none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            reference, padding_side="left", local_files_only=stays_offline(reference)
        )
    except Exception as error:
        raise ModelFolderError(
            f"The tokenizer of '{reference}' cannot be opened: {first_line(error)}",
            hint="Copy tokenizer.json and tokenizer_config.json from the model's source again.",
            where=reference,
        ) from error
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def unusable(reference: str, error: BaseException) -> ModelFolderError:
    """A model that is there but cannot be read, or a hub id that is not at hand."""
    if Path(reference).is_dir():
        return ModelFolderError(
            f"The weights of '{reference}' cannot be read: {first_line(error)}",
            hint="Download or save the model again; a broken file cannot be repaired.",
            where=reference,
        )
    looked = "the local cache does not have it"
    way_out = f"set {ALLOW_DOWNLOAD}=1 to let it be downloaded"
    if not stays_offline(reference):
        looked = "neither the local cache nor the hub has it"
        way_out = "unset HF_HUB_OFFLINE if it is set"
    return ModelFolderError(
        f"The model '{reference}' is no folder, and {looked}.",
        hint=f"Give a folder, use `tiny` for the embedded model, or {way_out}.",
        where=reference,
    )


def stays_offline(reference: str) -> bool:
    """A name that is no folder is only fetched from the hub when the user has allowed it."""
    return Path(reference).is_dir() or os.environ.get(ALLOW_DOWNLOAD) != "1"


def first_line(error: BaseException) -> str:
    """The first line of a library's message that says something."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
