"""Stop tokens by a model's files: what names them, and which of them an export has lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from advisor.shipping.model_files import read_object, stack_of

GENERATION = "generation_config.json"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENS_MAP = "special_tokens_map.json"
DECODER = "added_tokens_decoder"
ADAPTER_INSIDE = "adapter"
"""Folder in an export that holds the adapter with its tokenizer, beside what a server reads."""
NESTED = ("decoder", "generator", "text_config")
"""Parts of a configuration that speak for the model of text inside a larger one."""


class StopTokens(NamedTuple):
    """What the files of one folder say of where answers end, as transformers reads them."""

    ids: frozenset[int] = frozenset()
    """By the model's settings; a tokenizer's are not among them."""
    named_in: str = GENERATION
    """The file that counts for the ids."""
    text: str = ""
    """By the tokenizer."""
    text_in: str = TOKENIZER_CONFIG
    """The file that counts for the text."""
    configured: str = ""
    """By tokenizer_config.json alone."""
    special: frozenset[str] = frozenset()
    """Tokens that tokenizer.json marks as special, unless tokenizer_config.json takes that back."""
    numbers: dict[str, int] = {}  # noqa: RUF012 - a field's default, which nobody writes to
    """Number of each token that was added to the vocabulary."""


def stop_tokens(folder: Path) -> StopTokens:
    """What a folder's files say; nothing of a folder that is none."""
    ids, named_in = _ids_of(folder)
    configured = read_object(folder / TOKENIZER_CONFIG)
    mapped = {} if DECODER in configured else read_object(folder / TOKENS_MAP)
    is_mapped = "eos_token" in mapped
    added = _added(folder)
    decoder = configured.get(DECODER)
    unmarked = {
        _text(told)
        for told in (decoder.values() if isinstance(decoder, dict) else ())
        if isinstance(told, dict) and not told.get("special")
    }
    return StopTokens(
        ids=ids,
        named_in=named_in,
        text=_text((mapped if is_mapped else configured).get("eos_token")),
        text_in=TOKENS_MAP if is_mapped else TOKENIZER_CONFIG,
        configured=_text(configured.get("eos_token")),
        special=frozenset(_text(one) for one in added if one.get("special")) - unmarked,
        numbers={_text(one): one["id"] for one in added if isinstance(one.get("id"), int)},
    )


def lost(reference: Path | None, own: Path) -> list[str]:
    """Stop tokens of the evaluated model that an export's files no longer name, as sentences.

    A session of ours knows them from several files; plain transformers reads one of these, and a
    server perhaps another, so each that named them must still do so.
    """
    stack = [stop_tokens(place) for place in stack_of(reference)] if reference is not None else []
    if not stack:
        return []
    if own.name == ADAPTER_INSIDE and (own.parent / GENERATION).is_file():
        own = own.parent
    base, theirs = stack[-1], stop_tokens(own)
    near = next((one for one in stack if one.text), base)
    numbers = next((one.numbers for one in stack if one.numbers), {})
    asked = base.ids | ({numbers[near.text]} if near.text in numbers else frozenset())
    found = []
    is_whole = (own / CONFIG).is_file()
    if is_whole or (own / GENERATION).is_file():  # an adapter's model lies below it
        found += _lost_ids(sorted(asked - theirs.ids), theirs.named_in)
    if not is_whole and not (own / TOKENIZER_CONFIG).is_file():
        own = own / ADAPTER_INSIDE
        theirs = stop_tokens(own)
    if is_whole or (own / TOKENIZER_CONFIG).is_file():
        found += _lost_text(near, theirs)
    marked = next((one.special for one in stack if one.numbers), frozenset())
    ends = {near.text, *(text for text, number in numbers.items() if number in asked)}
    if (own / TOKENIZER).is_file():
        found += [_unmarked(end) for end in sorted((ends & marked) - theirs.special)]
    return found


def _lost_ids(missing: list[int], file: str) -> list[str]:
    if not missing:
        return []
    told = " and ".join(map(str, missing))
    counts = "" if file == GENERATION else f", which counts where there is no {GENERATION}"
    return [
        (
            f"The stop token {told} is missing in {file} (eos_token_id){counts}: plain"
            " transformers, and a server that reads only this file, do not stop there."
        )
    ]


def _lost_text(ours: StopTokens, theirs: StopTokens) -> list[str]:
    if ours.text and theirs.text != ours.text:
        file, named = theirs.text_in, theirs.text
    elif ours.configured and theirs.configured != ours.configured:
        file, named = TOKENIZER_CONFIG, theirs.configured
    else:
        return []
    seen = f"names {named!a}" if named else "names none"
    return [
        (
            f"The stop token {ours.text or ours.configured!a} is missing in {file} (eos_token),"
            f" which {seen}."
        )
    ]


def _unmarked(end: str) -> str:
    return (
        f"The stop token {end!a} is no longer marked as special in {TOKENIZER}: a server that goes"
        " by this mark shows it in its answers, or does not stop there."
    )


def _ids_of(folder: Path) -> tuple[frozenset[int], str]:
    """The ids, and the file that counts for them.

    As transformers has it: what a readable generation_config.json leaves out is none, whatever
    config.json says; that one counts where there is no other.
    """
    try:
        generation = json.loads((folder / GENERATION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = read_object(folder / CONFIG)
        nested = next((one for name in NESTED if isinstance(one := config.get(name), dict)), {})
        named = config.get("eos_token_id")
        return _ids(nested.get("eos_token_id") if named is None else named), CONFIG
    told = generation.get("eos_token_id") if isinstance(generation, dict) else None
    return _ids(told), GENERATION


def _ids(value: object) -> frozenset[int]:
    listed = value if isinstance(value, list) else [value]
    return frozenset(one for one in listed if isinstance(one, int) and not isinstance(one, bool))


def _added(folder: Path) -> list[dict[str, Any]]:
    told = read_object(folder / TOKENIZER).get("added_tokens")
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _text(value: object) -> str:
    """A token as configurations write it: as text, or as an object that holds its text."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""
