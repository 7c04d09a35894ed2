"""How much of a text an embedding model reads, told by its folder without opening the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from advisor.errors import MissingExtraError

TOKENIZER = "tokenizer.json"
PASSAGE_PROMPTS = ("document", "passage", "corpus")
"""Names under which models keep the prompt of passages, in the order of sentence-transformers."""
UNBOUNDED = 1_000_000
"""Lengths above this are how tokenizers say that they know of no limit."""


class Window(NamedTuple):
    """What a model reads of a text."""

    tokens: int | None
    """Marks and the passages' prompt left out; None where the folder does not tell."""
    tokenizer: Any
    """`tokenizers.Tokenizer` without truncation and padding, or None."""


def window_of(folder: Path) -> Window:
    """The window of the model in a folder. Raises MissingExtraError."""
    part = _first_module(folder)
    tokenizer = _tokenizer(part)
    limit = _limit(part)
    if limit is None or tokenizer is None:
        return Window(limit, tokenizer)
    prompt = len(tokenizer.encode(_passage_prompt(folder), add_special_tokens=False).ids)
    marks = tokenizer.num_special_tokens_to_add(is_pair=False)
    return Window(max(limit - marks - prompt, 1), tokenizer)


def _first_module(folder: Path) -> Path:
    """The folder of the part that reads text: the model's own, or one inside it."""
    listed = _json(folder / "modules.json")
    first = listed[0] if isinstance(listed, list) and listed else {}
    path = first.get("path", "") if isinstance(first, dict) else ""
    inner = folder / str(path)
    return inner if inner.is_dir() else folder


def _limit(part: Path) -> int | None:
    """What the configuration says, as sentence-transformers reads it."""
    told = _json(part / "sentence_bert_config.json")
    own = told.get("max_seq_length") if isinstance(told, dict) else None
    if isinstance(own, int):
        return own
    found = []
    for name, key in (
        ("config.json", "max_position_embeddings"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        told = _json(part / name)
        number = told.get(key) if isinstance(told, dict) else None
        if isinstance(number, int | float) and 0 < number < UNBOUNDED:
            found.append(int(number))
    return min(found) if found else None


def _passage_prompt(folder: Path) -> str:
    told = _json(folder / "config_sentence_transformers.json")
    prompts = told.get("prompts") if isinstance(told, dict) else None
    if not isinstance(prompts, dict):
        return ""
    return next((str(prompts[name]) for name in PASSAGE_PROMPTS if prompts.get(name)), "")


def _tokenizer(part: Path) -> Any:
    if not (part / TOKENIZER).is_file():
        return None
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("Embedding", "rag") from error
    try:
        tokenizer = Tokenizer.from_file(str(part / TOKENIZER))
    except Exception:  # noqa: BLE001 - the library raises Exception itself; the model may still open
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
