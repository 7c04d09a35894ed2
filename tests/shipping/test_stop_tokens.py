"""Stop tokens by the files alone: which file counts, and what an export's files have lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.shipping.stop_tokens import StopTokens, lost, stop_tokens

SETTINGS, CONFIG, TOKENIZER = "generation_config.json", "config.json", "tokenizer_config.json"
MAP, WORDS = "special_tokens_map.json", "tokenizer.json"
END = {"id": 2, "content": "</s>", "special": True}


def folder(place: Path, **files: object) -> Path:
    """A folder with these files, named without their ending."""
    place.mkdir(exist_ok=True)
    for name, told in files.items():
        text = told if isinstance(told, str) else json.dumps(told)
        (place / f"{name}.json").write_text(text)
    return place


@pytest.mark.parametrize(
    ("settings", "config", "ids", "file"),
    [
        ({"eos_token_id": 2}, {"eos_token_id": 9}, {2}, SETTINGS),
        ({"eos_token_id": [2, 7]}, {}, {2, 7}, SETTINGS),
        ({}, {"eos_token_id": 2}, set(), SETTINGS),
        ({"eos_token_id": None}, {"eos_token_id": 2}, set(), SETTINGS),
        ({"eos_token_id": []}, {"eos_token_id": 2}, set(), SETTINGS),
        ([1], {"eos_token_id": 2}, set(), SETTINGS),
        ("{", {"eos_token_id": 2}, {2}, CONFIG),
        (None, {"eos_token_id": [2, 7]}, {2, 7}, CONFIG),
        (None, {"text_config": {"eos_token_id": 3}}, {3}, CONFIG),
        (None, {"eos_token_id": 2, "text_config": {"eos_token_id": 3}}, {2}, CONFIG),
        (None, {"eos_token_id": "2"}, set(), CONFIG),
        (None, {}, set(), CONFIG),
    ],
)
def test_config_json_counts_only_where_there_are_no_other_settings(
    tmp_path, settings, config, ids, file
):
    files = {"config": config} | ({} if settings is None else {"generation_config": settings})
    found = stop_tokens(folder(tmp_path, **files))
    assert (found.ids, found.named_in) == (ids, file)


@pytest.mark.parametrize(
    ("tokenizer", "mapped", "text", "file"),
    [
        ({"eos_token": "</s>"}, None, "</s>", TOKENIZER),
        ({"eos_token": {"content": "</s>"}}, {}, "</s>", TOKENIZER),
        ({"eos_token": "</s>"}, {"eos_token": None}, "", MAP),
        ({"eos_token": "</s>"}, {"eos_token": {"content": "<e>"}}, "<e>", MAP),
        ({}, {"eos_token": "</s>"}, "</s>", MAP),
        ({"eos_token": "</s>", "added_tokens_decoder": {}}, {"eos_token": None}, "</s>", TOKENIZER),
        ({}, None, "", TOKENIZER),
    ],
)
def test_an_older_map_counts_where_nothing_newer_is_told(tmp_path, tokenizer, mapped, text, file):
    files = {"tokenizer_config": tokenizer}
    files |= {} if mapped is None else {"special_tokens_map": mapped}
    found = stop_tokens(folder(tmp_path, **files))
    assert (found.text, found.text_in) == (text, file)


def test_a_mark_that_the_tokenizer_s_settings_take_back_is_none(tmp_path):
    place = folder(tmp_path, tokenizer={"added_tokens": [END, {"id": 3, "content": "x"}, 5]})
    assert stop_tokens(place).special == {"</s>"}
    assert stop_tokens(place).numbers == {"</s>": 2, "x": 3}
    folder(place, tokenizer_config={"added_tokens_decoder": {"2": END | {"special": False}}})
    assert stop_tokens(place).special == frozenset()


def test_what_is_broken_or_not_there_tells_nothing(tmp_path):
    assert stop_tokens(tmp_path / "none") == StopTokens(named_in=CONFIG)
    broken = folder(tmp_path, tokenizer='{"added_tokens": 3}', tokenizer_config="[]", config="no")
    assert stop_tokens(broken) == StopTokens(named_in=CONFIG)


WHOLE = {
    "config": {"eos_token_id": 2},
    "generation_config": {"eos_token_id": [2]},
    "tokenizer_config": {"eos_token": "</s>"},
    "tokenizer": {"added_tokens": [END]},
}


def test_the_tokenizer_s_own_end_must_be_among_the_settings_too(tmp_path):
    """A session of ours stops at both; plain transformers at those of the settings alone."""
    ours = folder(tmp_path / "ours", **(WHOLE | {"generation_config": {"eos_token_id": 1}}))
    theirs = folder(tmp_path / "theirs", **(WHOLE | {"generation_config": {"eos_token_id": 1}}))
    assert lost(ours, theirs)[0].startswith(f"The stop token 2 is missing in {SETTINGS}")
    folder(theirs, generation_config={"eos_token_id": [1, 2]})
    assert lost(ours, theirs) == []
    assert lost(None, theirs) == []


def test_an_adapter_is_asked_for_its_tokenizer_s_end_and_its_base_for_the_rest(tmp_path):
    base = folder(tmp_path / "base", **WHOLE)
    named = {"base_model_name_or_path": str(base)}
    ours = folder(tmp_path / "ours", adapter_config=named)
    theirs = folder(tmp_path / "theirs", adapter_config={})
    assert lost(ours, theirs) == []
    folder(theirs, tokenizer_config={"eos_token": "<e>"}, tokenizer={"added_tokens": []})
    assert [told.split(" (")[0].split(" in ")[0] for told in lost(ours, theirs)] == [
        "The stop token '</s>' is missing",
        "The stop token '</s>' is no longer marked as special",
    ]


def test_an_older_export_whose_map_alone_names_the_end_is_as_its_reference(tmp_path):
    old = WHOLE | {"tokenizer_config": {}, "special_tokens_map": {"eos_token": "</s>"}}
    ours, theirs = folder(tmp_path / "ours", **old), folder(tmp_path / "theirs", **old)
    assert lost(ours, theirs) == []
    (theirs / MAP).unlink()
    assert (
        f"'</s>' is missing in {TOKENIZER} (eos_token), which names none" in lost(ours, theirs)[0]
    )


def test_an_export_that_holds_an_adapter_inside_is_looked_through(tmp_path):
    ours = folder(tmp_path / "ours", **WHOLE)
    theirs = folder(tmp_path / "theirs", generation_config={"eos_token_id": 2})
    inside = folder(theirs / "adapter", tokenizer_config={"eos_token": "</s>"})
    assert lost(ours, theirs) == []
    folder(theirs, generation_config={})
    folder(inside, tokenizer_config={}, tokenizer={"added_tokens": []})
    assert lost(ours, inside) == lost(ours, theirs)
    assert [told.split(":")[0].split(" (")[0] for told in lost(ours, theirs)] == [
        f"The stop token 2 is missing in {SETTINGS}",
        f"The stop token '</s>' is missing in {TOKENIZER}",
        f"The stop token '</s>' is no longer marked as special in {WORDS}",
    ]
