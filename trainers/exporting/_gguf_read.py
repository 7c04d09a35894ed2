"""Reads what a GGUF file says of itself, and mends or refuses what would be read wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf

from advisor.errors import ModelFolderError, PlanError
from trainers.exporting.gguf_chat import ROOM_FOR_ENDS, ChatFacts
from trainers.exporting.gguf_vocabulary import byte_letters

KEYS = gguf.Keys.Tokenizer


def facts_of(file: Path) -> dict[str, Any]:
    """Every key of a file, long lists included. Raises ModelFolderError for what is no GGUF."""
    return {name: field.contents() for name, field in _opened(file).fields.items()}


def _opened(file: Path, mode: str = "r") -> Any:
    try:
        return gguf.GGUFReader(file, mode)
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise ModelFolderError(
            f"'{file.name}' cannot be read as GGUF: {error}",
            hint="Export or copy the file again; half a file cannot be read.",
            where=str(file),
        ) from error


def declared_ends(facts: dict[str, Any]) -> dict[int, str]:
    """Tokens that the file itself says end an answer, with their spelling."""
    words = facts.get(KEYS.LIST) or []
    found = [facts.get(f"tokenizer.ggml.{kind}_token_id") for kind in ROOM_FOR_ENDS]
    numbers = [int(n) for n in found if n is not None]
    return {n: spelt(words[n]) if n < len(words) else "" for n in numbers}


def spelt(token: str) -> str:
    """A token's text: byte letters turned back where it is made of them alone."""
    letters = {letter: byte for byte, letter in enumerate(byte_letters())}
    if not all(letter in letters for letter in token):
        return token
    return bytes(letters[letter] for letter in token).decode("utf-8", "replace")


def set_adds_bos(file: Path, *, adds: bool) -> None:
    """Let the file begin prompts as those did that the model was tuned on."""
    reader = _opened(file, "r+")
    field = reader.get_field(KEYS.ADD_BOS)
    if field is None:
        _add_bool(file, KEYS.ADD_BOS, value=adds)
        return
    field.parts[field.data[0]][0] = adds
    reader.data.flush()


def _add_bool(file: Path, key: str, *, value: bool) -> None:
    """Write the file anew with one more key, as llama.cpp's converter leaves it out for some."""
    from gguf.scripts.gguf_new_metadata import (  # noqa: PLC0415 - seldom needed
        MetadataDetails,
        copy_with_new_metadata,
    )

    reader = _opened(file)
    made = file.with_suffix(".more.gguf")
    writer = gguf.GGUFWriter(made, str(reader.get_field("general.architecture").contents()))
    details = MetadataDetails(gguf.GGUFValueType.BOOL, value)
    copy_with_new_metadata(reader, writer, {key: details}, [])
    made.replace(file)


def check_written(file: Path, chat: ChatFacts, *, inside: bool) -> None:
    """Raise PlanError where a program would read the file otherwise than the tuned model."""
    facts = facts_of(file)
    wrong = [*_wrong_turns(facts, chat), *(_wrong_words(facts) if inside else ())]
    if not wrong:
        return
    raise PlanError(
        f"The GGUF file would not be what was tuned: {wrong[0]}.",
        hint="Use another llama.cpp, or export without it (no option llama_cpp).",
        where=str(file),
    )


def _wrong_words(facts: dict[str, Any]) -> list[str]:
    if facts.get(KEYS.MODEL) != "gpt2":
        return []
    if facts.get(KEYS.PRE) in (None, "default"):
        return ["it names no way to part texts into words (tokenizer.ggml.pre)"]
    return []


def _wrong_turns(facts: dict[str, Any], chat: ChatFacts) -> list[str]:
    wrong = []
    if facts.get(KEYS.CHAT_TEMPLATE, "") != chat.template:
        wrong.append("its chat template is another one")
    ends = set(declared_ends(facts))
    first = list(chat.ends)[: len(ROOM_FOR_ENDS)]
    if not set(first) <= ends:
        lacking = next(number for number in first if number not in ends)
        wrong.append(f"the token '{chat.ends[lacking]}', which ends an answer, is not named there")
    return wrong
