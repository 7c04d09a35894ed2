"""Tokenizer tables and adapter settings that differ are named; what means the same is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.shipping.other_files import other_settings, other_tokens

WORDS = {"a": 0, "b": 1, "ab": 2}
ADDED = [{"id": 3, "content": "<|end|>", "special": True}]


def tokenizer(folder: Path, words=WORDS, added=ADDED) -> Path:
    folder.mkdir(exist_ok=True)
    told = {"model": {"vocab": words}, "added_tokens": added}
    (folder / "tokenizer.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("words", "added", "told"),
    [
        (WORDS, ADDED, ""),
        (WORDS | {"new": 9}, ADDED, ""),
        ([["a", 0.0], ["b", -1.0], ["ab", -2.0]], ADDED, ""),
        (WORDS | {"a": 1, "b": 0}, ADDED, "2 of 4 tokens"),
        ({"a": 0, "b": 1}, ADDED, "the first, 'ab', is number 2 in the evaluated model and is not"),
        (
            WORDS,
            [ADDED[0] | {"id": 5}],
            "'<|end|>', is number 3 in the evaluated model and is numb",
        ),
    ],
)
def test_a_token_with_another_number_is_named(tmp_path, words, added, told):
    found = other_tokens(tokenizer(tmp_path / "ours"), tokenizer(tmp_path / "own", words, added))
    assert bool(found) == bool(told)
    assert told in "".join(found)


def test_where_one_of_them_has_no_table_nothing_is_said(tmp_path):
    ours, own = tokenizer(tmp_path / "ours"), tmp_path / "own"
    own.mkdir()
    assert other_tokens(ours, own) == other_tokens(own, ours) == []
    for content in ("[]", '{"model": [], "added_tokens": [1]}', '{"model": {"vocab": [1]}}'):
        (own / "tokenizer.json").write_text(content)
        assert other_tokens(ours, own) == []


def test_the_table_of_the_base_counts_where_the_adapter_has_none(tmp_path):
    base = tokenizer(tmp_path / "base")
    (tmp_path / "tuned").mkdir()
    named = {"base_model_name_or_path": str(base)}
    (tmp_path / "tuned" / "adapter_config.json").write_text(json.dumps(named))
    own = tokenizer(tmp_path / "own", {"a": 1, "b": 0, "ab": 2})
    assert other_tokens(tmp_path / "tuned", own)


def settings(folder: Path, **told) -> Path:
    folder.mkdir(exist_ok=True)
    plain = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_rslora": False}
    (folder / "adapter_config.json").write_text(json.dumps(plain | told))
    return folder


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"lora_alpha": 16.0, "use_dora": False, "inference_mode": True, "rank_pattern": {}}, []),
        ({"lora_alpha": 32}, ["lora_alpha is 32 instead of 16"]),
        ({"use_rslora": True, "r": 4}, ["r is 4 instead of 8", "use_rslora is True instead of F"]),
    ],
)
def test_what_sets_the_strength_of_an_adapter_is_compared(tmp_path, told, named):
    found = other_settings(settings(tmp_path / "ours"), settings(tmp_path / "own", **told))
    assert len(found) == len(named)
    for sentence, words in zip(found, named, strict=True):
        assert words in sentence


def test_a_folder_that_is_no_adapter_is_not_compared(tmp_path):
    (tmp_path / "own").mkdir()
    assert other_settings(settings(tmp_path / "ours"), tmp_path / "own") == []
