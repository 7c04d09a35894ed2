"""What the files of a model's folder say of it, read without any library that could open it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from advisor.contracts.base_facts import BASE_FACTS, weights_digest
from advisor.contracts.tensor_headers import TensorAbout, tensors_in

ADAPTER = "adapter_config.json"
BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8}
"""Bits of what safetensors calls a number with a fraction."""
NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
PACKED = ("quant_state", ".absmax", ".quant_map", ".SCB", ".qweight", ".qzeros")
"""What packed weights carry beside them, in the names of their tensors."""
DECIDING = (
    ADAPTER, "config.json", "generation_config.json", "tokenizer*.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "*.jinja", "*.model",
)  # fmt: skip
"""Files beside the weights that decide what a model answers."""


class ModelFiles(NamedTuple):
    """What a folder tells before anything is loaded; None and empty where it does not."""

    packed: str = ""
    """In what its weights are packed, in words; empty for weights that can be trained on."""
    precision: str = ""
    """What most of its weights are in, as torch calls it."""
    bits: int | None = None
    """Of the precision."""
    vocabulary: int | None = None


def look_into(folder: Path) -> ModelFiles:
    """What the files of a model's folder say; nothing of a folder that is none.

    An adapter's own folder tells nothing; `stack_of` names those below it.
    """
    config = read_object(folder / "config.json")
    tensors = located(folder) if (folder / "config.json").is_file() else {}
    precision = _precision(about for _, about in tensors.values())
    return ModelFiles(
        packed=_packing(config, list(tensors)),
        precision=NAMES.get(precision, precision.lower()),
        bits=BITS.get(precision),
        vocabulary=_whole(config.get("vocab_size")),
    )


def stack_of(folder: Path) -> tuple[Path, ...]:
    """A model's folder and those that it stands on, the lowest last; ends at what is not here."""
    found: list[Path] = []
    while folder.is_dir() and folder not in found:
        found.append(folder)
        if (folder / "config.json").is_file():
            break
        named = read_object(folder / ADAPTER).get("base_model_name_or_path") or read_object(
            folder / BASE_FACTS
        ).get("model")
        if not named:
            break  # an empty name would be the folder that the program was started in
        folder = Path(str(named))
    return tuple(found)


def read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object; empty where there is none, or what it holds is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def located(folder: Path) -> dict[str, tuple[Path, TensorAbout]]:
    """Every tensor by its name, with its file, by the headers; none of a broken file."""
    found: dict[str, tuple[Path, TensorAbout]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with suppress(OSError, ValueError):
            found |= {name: (path, about) for name, about in tensors_in(path).items()}
    return found


def _precision(tensors: Iterable[TensorAbout]) -> str:
    """The kind of number with a fraction that holds most of the weights; empty for none."""
    counts: Counter[str] = Counter()
    for about in tensors:
        if about.dtype in BITS:
            counts[about.dtype] += about.numbers
    return counts.most_common(1)[0][0] if counts else ""


def _packing(config: dict[str, Any], names: list[str]) -> str:
    told = config.get("quantization_config")
    if isinstance(told, dict) and told:
        bits = _bits(told)
        method = _text(told.get("quant_method"))
        inside = f"{bits} bits" if bits else "fewer bits"
        return f"{inside} ({method})" if method else inside
    if any(mark in name for name in names for mark in PACKED):
        return "fewer bits"
    return ""


def _bits(told: dict[str, Any]) -> int | None:
    if told.get("load_in_4bit") or told.get("_load_in_4bit"):
        return 4
    if told.get("load_in_8bit") or told.get("_load_in_8bit"):
        return 8
    return _whole(told.get("bits"))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def answers_digest(folder: Path) -> str:
    """Digest of what decides a model's answers: weights, tokenizer and settings, those below too.

    Where a base lies is no part of it, so that a moved folder keeps its digest. An adapter's
    weights are read whole, those of whole models at both ends.
    """
    digest = hashlib.sha256()
    for place in stack_of(folder):
        is_whole = (place / "config.json").is_file()
        digest.update(weights_digest(place).encode())
        named = sorted({path for pattern in DECIDING for path in place.glob(pattern)})
        weights = [] if is_whole else sorted(place.glob("*.safetensors"))
        for path in (*named, *weights):
            told = _without_place(path) if path.name == ADAPTER else path.read_bytes()
            digest.update(f"{path.name}\0{len(told)}\0".encode() + told)
    return digest.hexdigest()[:16]


def _without_place(path: Path) -> bytes:
    told = read_object(path) | {"base_model_name_or_path": None}
    return json.dumps(told, sort_keys=True).encode()
