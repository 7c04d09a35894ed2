"""What the models to be combined are, read from their files, and why some do not go together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from advisor.contracts.base_facts import weights_digest
from advisor.contracts.tensor_headers import tensors_in
from advisor.errors import ModelFolderError
from trainers.origin import Origin, base_of, origin_of, read_facts

WEIGHTS = "adapter_model.safetensors"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


class Part:
    """One of the models, with what tells whether it goes together with the others."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelFolderError where no model lies there, or its files cannot be read."""
        self.folder = folder
        self.origin: Origin = origin_of(folder)

    @property
    def name(self) -> str:
        """Its folder, in words for a sentence."""
        return str(self.folder)

    @cached_property
    def base(self) -> str:
        """Folder or hub id of the base below an adapter. Raises ModelFolderError."""
        return base_of(self.folder)

    @cached_property
    def base_digest(self) -> str:
        """What tells its base from others: of the weights, else the base's name."""
        told = self.origin.facts.get("base_digest")
        return str(told or weights_digest(Path(self.base)) or self.base)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of an adapter's tensors. Raises ModelFolderError."""
        return tensor_shapes(self.folder / WEIGHTS)

    @cached_property
    def ranks(self) -> frozenset[int]:
        """Ranks of an adapter's matrices."""
        return frozenset(s[0] for name, s in self.shapes.items() if ".lora_A." in name) | frozenset(
            s[0] for name, s in self.shapes.items() if name.endswith(".lora_embedding_A")
        )

    @cached_property
    def tokenizer_folder(self) -> Path | None:
        """Where its tokenizer lies: beside it, else beside its base; None in no folder."""
        if any((self.folder / name).is_file() for name in TOKENIZER_FILES):
            return self.folder
        below = Path(self.base) if self.origin.kind == "adapter" else self.folder
        return below if below.is_dir() else None

    @cached_property
    def template(self) -> str | None:
        """Its chat template as text; None where it has none."""
        place = self.tokenizer_folder
        if place is None:
            return None
        file = place / "chat_template.jinja"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        told = read_facts(place / "tokenizer_config.json").get("chat_template")
        return None if told is None else json.dumps(told) if not isinstance(told, str) else told

    @cached_property
    def end(self) -> str:
        """The token that ends its answers."""
        place = self.tokenizer_folder
        told = read_facts(place / "tokenizer_config.json").get("eos_token") if place else None
        return str(told.get("content") if isinstance(told, dict) else told or "")

    @cached_property
    def vocabulary(self) -> object:
        """What tells its tokens from another model's; None where no file says."""
        place = self.tokenizer_folder
        content = read_facts(place / "tokenizer.json") if place else {}
        added = [(one.get("id"), one.get("content")) for one in content.get("added_tokens") or ()]
        return (content.get("model", {}).get("vocab"), added) if content else None


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the tensors in a safetensors file. Raises ModelFolderError."""
    try:
        return {name: about.shape for name, about in tensors_in(file).items()}
    except FileNotFoundError:
        raise ModelFolderError(
            f"The adapter in '{file.parent}' has no {file.name}.",
            hint="Save it with safe_serialization=True; pickled weights are not opened.",
            where=str(file.parent),
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"{file.name} cannot be read: {error}",
            hint="Copy the adapter again; the file may be cut off.",
            where=str(file.parent),
        ) from error


def read_parts(models: Sequence[str]) -> tuple[Part, ...]:
    """The parts. Raises ModelFolderError for a folder that holds no model."""
    return tuple(Part(Path(model)) for model in models)


def others(parts: Sequence[Part]) -> Iterator[tuple[Part, Part]]:
    """The first beside each of the others."""
    return ((parts[0], part) for part in parts[1:])


def why_not_asked_alike(parts: Sequence[Part]) -> str:
    """Why no one prompt suits all parts, as a sentence; empty where one does."""
    for first, other in others(parts):
        pair = f"'{first.name}' and '{other.name}'"
        if first.vocabulary != other.vocabulary:
            return f"{pair} have different tokenizers, so one model cannot read for both."
        if first.template != other.template:
            return (
                f"{pair} have different chat templates, so one model cannot be asked as each was"
                " trained."
            )
        if first.end != other.end:
            return f"{pair} end their answers differently: {first.end!r} and {other.end!r}."
    return ""
