"""Writes a whole model's folder: weights, tokenizer, chat form, and every stop token."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import StorageError
from trainers.origin import ADAPTER, hub_id, read_facts

SHARD = "2GB"
"""Largest file of weights: one of them is in memory a second time while it is written."""
GENERATION = "generation_config.json"
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
"""What transformers refuses to save beside greedy decoding."""
LEFT_BEHIND = (
    *("optimizer", "scheduler", "rng_state", "training_args", "trainer_state", "README"),
    *("combine.json", "export.json"),
)
"""First parts of names: states of the training, and papers that say nothing of this model."""


def write_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Safetensors in shards, configuration, tokenizer with its chat form, stop tokens.

    Raises StorageError.
    """
    settings = model.generation_config
    ends = ends_of(settings.eos_token_id, tokenizer)
    settings.eos_token_id = ends or None
    if not settings.do_sample:
        for name in SAMPLING:
            setattr(settings, name, None)
    try:
        model.save_pretrained(str(folder), max_shard_size=SHARD)
        tokenizer.save_pretrained(str(folder))
        for file in folder.glob("*.safetensors"):  # a server may run as another user
            file.chmod((folder / "config.json").stat().st_mode)
    except (OSError, SafetensorError) as error:
        raise _unwritten(error, folder) from error


def copy_model(source: Path, folder: Path) -> None:
    """A whole model's files as they are, but for what only its training needed.

    Raises StorageError.
    """
    try:
        for file in sorted(source.iterdir()):
            if file.is_file() and _belongs(file):
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise _unwritten(error, folder) from error


def complete(folder: Path, tokenizer: Any) -> None:
    """Chat form and stop tokens, where the folder's own files leave them out."""
    told = read_facts(folder / GENERATION)
    ends = ends_of(model_ends(folder), tokenizer)
    if ends and told.get("eos_token_id") not in (ends, *(ends if len(ends) == 1 else ())):
        text = json.dumps(told | {"eos_token_id": ends}, indent=2)
        (folder / GENERATION).write_text(f"{text}\n", encoding="utf-8")
    has_form = (folder / "chat_template.jinja").is_file()
    if not has_form and not read_facts(folder / "tokenizer_config.json").get("chat_template"):
        (folder / "chat_template.jinja").write_text(tokenizer.chat_template, encoding="utf-8")


def name_no_place(folder: Path, base: str) -> None:
    """An adapter's settings name its base by its id on the hub, or not at all."""
    told = read_facts(folder / ADAPTER) | {"base_model_name_or_path": hub_id(base) or None}
    text = json.dumps(told, indent=2, sort_keys=True)
    (folder / ADAPTER).write_text(f"{text}\n", encoding="utf-8")


def files_in(folder: Path) -> tuple[str, ...]:
    """Names of all files below a folder, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found))


def model_ends(folder: Path) -> Any:
    """What the model's files say ends an answer: config.json counts where there is no other."""
    file = GENERATION if (folder / GENERATION).is_file() else "config.json"
    return read_facts(folder / file).get("eos_token_id")


def ends_of(own: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: the model's own and the tokenizer's."""
    found = [] if own is None else [own] if isinstance(own, int) else list(own)
    last = tokenizer.eos_token_id
    return found if last is None or last in found else [*found, last]


def _belongs(file: Path) -> bool:
    left = file.name == BASE_FACTS or file.name.startswith(LEFT_BEHIND)
    return not left and file.suffix not in (".pt", ".pth", ".bin", ".log")


def _unwritten(error: Exception, folder: Path) -> StorageError:
    return StorageError(
        f"The model cannot be written: {getattr(error, 'strerror', None) or error}.",
        hint="Look at the space and the rights of the output folder.",
        where=str(folder),
    )
