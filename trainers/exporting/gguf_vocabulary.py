"""A tokenizer as a GGUF file holds it, or why it cannot: llama.cpp parts texts in few ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from advisor.errors import ModelFolderError, PlanError

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Kinds of tokens in a GGUF file."""
NEVER = ("À", "Á")
"""Stand for bytes 192 and 193, which no UTF-8 text has: a merge of them changes nothing."""
PRINTED = range(32, 127)
"""Bytes without which no text can be read; a rarer one that has no token is left out by both."""
NOT_COMPOSED = (
    "The tokenizer composes letters and accents (NFC) first, llama.cpp does not: texts with"
    " decomposed accents are read as other tokens."
)
GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
LLAMA3 = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
)
QWEN2 = LLAMA3.replace("\\p{N}{1,3}", "\\p{N}")
FILE = "tokenizer.json"


class Way(NamedTuple):
    """How llama.cpp parts a text under one name of `tokenizer.ggml.pre`."""

    name: str
    pattern: str
    parts_digits: bool = False
    ignores_merges: bool = False


WAYS = (
    Way("gpt-2", GPT2),
    Way("smollm", GPT2, parts_digits=True),
    Way("llama-bpe", LLAMA3, ignores_merges=True),
    Way("smaug-bpe", LLAMA3),
    Way("qwen2", QWEN2),
)
"""Of llama.cpp's many names, those that part exactly as the tokenizers library does."""


class Vocabulary(NamedTuple):
    """What a GGUF file holds of a byte-level tokenizer."""

    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    way: Way
    notes: tuple[str, ...] = ()


def vocabulary_of(folder: Path, size: int) -> Vocabulary:
    """The vocabulary of a model folder, filled up to as many tokens as the model has.

    Raises PlanError where llama.cpp would read texts otherwise, ModelFolderError without
    tokenizer.json.
    """
    told = _read(folder)
    model = told.get("model") or {}
    notes = _check_normalizer(told.get("normalizer"))
    _check_model(model)
    added = told.get("added_tokens") or []
    for one in added:
        if one.get("lstrip") or one.get("rstrip") or one.get("single_word"):
            raise _cannot(f"its token '{one['content']}' takes in the spaces around it")
    ids = {**model["vocab"], **{one["content"]: one["id"] for one in added}}
    way = _way(told.get("pre_tokenizer") or {}, ignores=bool(model.get("ignore_merges")))
    names = _in_order(ids, size)
    special = {one["content"]: CONTROL if one.get("special") else USER_DEFINED for one in added}
    kinds = [special.get(n, NORMAL) if n in ids else UNUSED for n in names]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model.get("merges") or ()]
    return Vocabulary(names, kinds, merges or [" ".join(NEVER)], way, notes)


def token_ids(folder: Path) -> dict[str, int]:
    """Every token of a tokenizer by its spelling."""
    told = _read(folder)
    own = (told.get("model") or {}).get("vocab") or {}
    table = own if isinstance(own, dict) else {pair[0]: at for at, pair in enumerate(own)}
    return {**table, **{one["content"]: one["id"] for one in told.get("added_tokens") or ()}}


def way_called(name: str) -> Way | None:
    """The way of a name of `tokenizer.ggml.pre`; None where it is none of those known here."""
    return next((way for way in WAYS if way.name == name), None)


def _in_order(ids: dict[str, int], size: int) -> list[str]:
    by_id = {number: name for name, number in ids.items()}
    if len(by_id) < len(ids):
        raise _cannot("two of its tokens have one number")
    if max(by_id, default=0) >= size:
        raise _cannot(f"it has tokens beyond the {size} of the model")
    return [by_id.get(at, f"[PAD{at}]") for at in range(size)]


def _check_normalizer(told: dict[str, Any] | None) -> tuple[str, ...]:
    if told is None:
        return ()
    parts = told.get("normalizers", [told])
    kinds = sorted({str(part.get("type")) for part in parts})
    if kinds == ["NFC"]:
        return (NOT_COMPOSED,)
    if not kinds:
        return ()
    raise _cannot(f"it rewrites texts before it parts them ({', '.join(kinds)})")


def _check_model(model: dict[str, Any]) -> None:
    if model.get("type") != "BPE":
        raise _cannot(f"it is no byte-level BPE but {model.get('type')}")
    for name in ("byte_fallback", "dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(name):
            raise _cannot(f"it has {name}")
    missing = [at for at, letter in enumerate(byte_letters()) if letter not in model["vocab"]]
    written = [at for at in missing if at in PRINTED]
    if written or (missing and model.get("unk_token")):
        raise _cannot(f"it has no token for {len(missing)} of the 256 bytes")


def byte_letters() -> list[str]:
    """The letter that stands for each byte in byte-level vocabularies."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(moved)) for byte in range(256)]


def _way(told: dict[str, Any], *, ignores: bool) -> Way:
    """The name under which llama.cpp parts texts as this pre-tokenizer does."""
    parts = told.get("pretokenizers", [told])
    found = _parted(parts)
    if found is not None:
        for way in WAYS:
            if (way.pattern, way.parts_digits, way.ignores_merges) == (*found, ignores):
                return way
    raise _cannot(
        "its pre-tokenizer is none that llama.cpp is known to have"
        f" ({', '.join(str(part.get('type')) for part in parts)})"
    )


def _parted(parts: list[dict[str, Any]]) -> tuple[str, bool] | None:
    """Pattern, and whether digits are parted before; None for other ways."""
    *first, last = parts
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        return None
    if last.get("use_regex", True):
        if not first:
            return GPT2, False
        digits = first[0].get("type") == "Digits" and first[0].get("individual_digits")
        return (GPT2, True) if digits and len(first) == 1 else None
    if len(first) != 1 or first[0].get("type") != "Split":
        return None
    split = first[0]
    pattern = (split.get("pattern") or {}).get("Regex")
    isolated = split.get("behavior") == "Isolated" and not split.get("invert")
    return (str(pattern), False) if pattern and isolated else None


def _read(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFolderError(
            "The model has no tokenizer.json to make a GGUF vocabulary of.",
            hint="Save the tokenizer with transformers, which writes tokenizer.json.",
            where=str(folder),
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(
            f"tokenizer.json cannot be read: {error}",
            hint="Download or save the model again.",
            where=str(file),
        ) from error
    return found if isinstance(found, dict) else {}


def _cannot(why: str) -> PlanError:
    return PlanError(
        f"The tokenizer cannot be written into a GGUF file so that llama.cpp reads alike: {why}.",
        hint="Name llama.cpp's converter, which knows more of them (option llama_cpp=FOLDER); or"
        " write the weights alone and keep the tokenizer beside them, for programs that send token"
        " ids (--to gguf --option vocabulary=beside).",
        where=FILE,
    )
