"""What a model folder must hold, checked before anything heavy is loaded."""

from __future__ import annotations

import json
from pathlib import Path

from advisor.contracts.base_facts import BASE_FACTS
from advisor.errors import ModelFolderError

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
ADAPTER = "adapter_config.json"


def looks_like_path(model: str) -> bool:
    """Whether a model reference can only mean a place on this disk."""
    return model.startswith((".", "/", "~")) or model.count("/") > 1


def is_kept(folder: Path) -> bool:
    """Whether a tuning method has kept its weights here in a form of its own."""
    others = (folder / ADAPTER, folder / "config.json")
    return (folder / BASE_FACTS).is_file() and not any(other.is_file() for other in others)


def check_folder(folder: Path) -> None:
    """Raise ModelFolderError naming the first part that a model or adapter folder lacks."""
    is_adapter = (folder / ADAPTER).is_file()
    stands_on_base = is_adapter or is_kept(folder)
    if not stands_on_base:
        read_json(folder, "config.json")
    else:
        read_json(folder, ADAPTER if is_adapter else BASE_FACTS)
    if not stands_on_base and not _has_any(folder, TOKENIZER):
        raise ModelFolderError(
            f"The model folder has no tokenizer: none of {', '.join(TOKENIZER)}.",
            hint="Copy tokenizer.json and tokenizer_config.json beside the weights.",
            where=str(folder),
        )
    if not _has_any(folder, WEIGHTS):
        raise ModelFolderError(
            "The model folder has no weights: no .safetensors and no pytorch_model.bin.",
            hint="Copy the weights into the folder; a half-finished download leaves them out.",
            where=str(folder),
        )


def read_json(folder: Path, name: str) -> dict[str, object]:
    """A model folder's JSON file. Raises ModelFolderError when it is missing or broken."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFolderError(
            f"The model folder has no {name}.",
            hint="Give the folder that holds config.json, tokenizer and weights.",
            where=str(folder),
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"{name} cannot be read: {error}.",
            hint="Download or save the model again.",
            where=str(folder / name),
        ) from error
    if not isinstance(content, dict):
        raise ModelFolderError(
            f"{name} does not hold a JSON object.",
            hint="Download or save the model again.",
            where=str(folder / name),
        )
    return content


def _has_any(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in patterns)
