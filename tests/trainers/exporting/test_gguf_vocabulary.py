"""Which tokenizers a GGUF file can hold; an unknown one is refused, never written as `default`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import ModelFolderError, PlanError
from trainers.exporting.gguf_vocabulary import (
    CONTROL,
    GPT2,
    LLAMA3,
    NEVER,
    NORMAL,
    QWEN2,
    UNUSED,
    USER_DEFINED,
    WAYS,
    byte_letters,
    vocabulary_of,
)

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def split(pattern: str, **more: Any) -> dict[str, Any]:
    told = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return told | more


def parted(*first: dict[str, Any], regex: bool = False) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": [*first, BYTES | {"use_regex": regex}]}


def saved(folder: Path, **changes: Any) -> Path:
    vocabulary = {letter: at + 1 for at, letter in enumerate(byte_letters())}
    told = {
        "added_tokens": [
            {"id": 0, "content": "<|end|>", "special": True},
            {"id": 257, "content": "<tool>", "special": False},
        ],
        "normalizer": None,
        "pre_tokenizer": BYTES | {"use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [], "ignore_merges": False},
    }
    model = told["model"] | changes.pop("model", {})
    (folder / "tokenizer.json").write_text(json.dumps(told | {"model": model} | changes))
    return folder


def test_tokens_stand_in_order_with_their_kinds_and_holes_are_filled(tmp_path):
    found = vocabulary_of(saved(tmp_path), 260)
    assert found.tokens[0] == "<|end|>"
    assert found.tokens[257:] == ["<tool>", "[PAD258]", "[PAD259]"]
    assert [found.kinds[at] for at in (0, 1, 257, 259)] == [CONTROL, NORMAL, USER_DEFINED, UNUSED]
    assert len(found.tokens) == len(found.kinds) == 260


def test_without_merges_there_is_one_that_no_text_can_meet(tmp_path):
    assert vocabulary_of(saved(tmp_path), 260).merges == [" ".join(NEVER)]
    letters = [bytes([byte_letters().index(letter)]) for letter in NEVER]
    for letter in letters:
        with pytest.raises(UnicodeDecodeError):
            letter.decode()


def test_merges_are_written_in_either_spelling(tmp_path):
    for merges in ([["a", "b"]], ["a b"]):
        assert vocabulary_of(saved(tmp_path, model={"merges": merges}), 260).merges == ["a b"]


@pytest.mark.parametrize(
    ("pre_tokenizer", "ignores", "name"),
    [
        (BYTES | {"use_regex": True}, False, "gpt-2"),
        (parted({"type": "Digits", "individual_digits": True}, regex=True), False, "smollm"),
        (parted(split(LLAMA3)), True, "llama-bpe"),
        (parted(split(LLAMA3)), False, "smaug-bpe"),
        (parted(split(QWEN2)), False, "qwen2"),
    ],
)
def test_the_way_to_part_texts_has_a_name(tmp_path, pre_tokenizer, ignores, name):
    folder = saved(tmp_path, pre_tokenizer=pre_tokenizer, model={"ignore_merges": ignores})
    assert vocabulary_of(folder, 260).way.name == name


@pytest.mark.parametrize(
    "changes",
    [
        {"pre_tokenizer": parted(split(GPT2.replace("'s|", "")))},
        {"pre_tokenizer": parted(split(QWEN2)), "model": {"ignore_merges": True}},
        {"pre_tokenizer": parted(split(QWEN2, behavior="Removed"))},
        {"pre_tokenizer": parted({"type": "Digits", "individual_digits": False}, regex=True)},
        {"pre_tokenizer": BYTES | {"use_regex": True, "add_prefix_space": True}},
        {"pre_tokenizer": BYTES},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip"}]}},
        {"model": {"type": "Unigram"}},
        {"model": {"byte_fallback": True}},
        {"model": {"vocab": {"a": 1}}},
        {"model": {"vocab": dict.fromkeys(byte_letters()[:200], 1), "unk_token": "<unk>"}},
        {"added_tokens": [{"id": 0, "content": "<m>", "special": True, "lstrip": True}]},
        {"added_tokens": [{"id": 900, "content": "<m>", "special": True}]},
    ],
)
def test_what_llama_cpp_would_read_otherwise_is_refused(tmp_path, changes):
    with pytest.raises(PlanError, match="cannot be written into a GGUF file") as told:
        vocabulary_of(saved(tmp_path, **changes), 260)
    assert "vocabulary=beside" in told.value.hint


def test_a_rare_byte_without_a_token_is_left_out_by_both(tmp_path):
    kept = {letter: at + 1 for at, letter in enumerate(byte_letters()[:200])}
    assert vocabulary_of(saved(tmp_path, model={"vocab": kept}), 260).tokens[1] == byte_letters()[0]


def test_composed_accents_are_told(tmp_path):
    found = vocabulary_of(saved(tmp_path, normalizer={"type": "NFC"}), 260)
    assert "accents" in found.notes[0]


def test_no_way_is_called_default():
    assert len({way.name for way in WAYS}) == len(WAYS)
    assert "default" not in {way.name for way in WAYS}


def test_a_model_without_tokenizer_json_is_told(tmp_path):
    with pytest.raises(ModelFolderError, match=r"no tokenizer\.json"):
        vocabulary_of(tmp_path, 260)
