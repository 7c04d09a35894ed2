"""Checks of instructions: each by an answer that keeps to it and one that does not."""

from __future__ import annotations

import json

import pytest

from advisor import registry
from advisor.builtin.metrics.instruction_checks import NAMES
from advisor.formats.readers import read_dataset
from advisor.resources import probe_root
from advisor.schema.evaluation import Completion, Prompt, Sample

CASES = [
    ({"words_at_most": 3}, "One two, three.", "One two three four"),
    ({"words_at_least": 3}, "one - two three", "one - two"),
    ({"words_exactly": 1}, "Milk.", "Cold milk."),
    ({"sentences_exactly": 2}, "It rains. 3.5 mm fell!", "It rains."),
    ({"sentences_exactly": 1}, "It rains", "It rains. It pours"),
    ({"sentences_at_most": 1}, 'He said "no."', "He came. He saw."),
    ({"lines_exactly": 2}, "a\n\nb", "a\nb\nc"),
    ({"paragraphs_exactly": 2}, "a\nb\n\nc", "a\nb\nc"),
    ({"characters_at_most": 4}, " four ", "fives"),
    ({"bullets_exactly": 2}, "- a\n- b", "- a\nb"),
    ({"numbered_at_least": 2}, "1. a\n2) b", "1. a\nb"),
    ({"comma_parts_exactly": 3}, "a, b, c", "a, b"),
    ({"json": True}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ({"json": False}, "plain", "[1]"),
    ({"json_keys": ["a", "b"]}, '{"b": 1, "a": 2}', '{"a": 1, "b": 2, "c": 3}'),
    ({"json_items": 2}, "[1, 2]", '{"a": 1, "b": 2}'),
    ({"upper_case": True}, "HELLO 1", "HELLo"),
    ({"upper_case": True}, "ÄÖ", "123"),
    ({"lower_case": True}, "it is.", "It is."),
    ({"quoted": True}, '"so be it"', "so be it"),
    ({"digits_only": True}, "42", "42."),
    ({"code_fence": True}, "```\nls\n```", "ls"),
    ({"starts_with": "Yes"}, "Yes, of course", "yes"),
    ({"ends_with": "?"}, "Tea?", "Tea."),
    ({"script": "greek"}, "καλημέρα!", "kalimera"),
    ({"script": "han"}, "水", "mizu"),
    ({"script": "cyrillic"}, "спасибо", "…"),
    ({"contains": ["Stone", "shade"]}, "stone in the shade", "stones in the shade"),
    ({"contains_any": ["tea", "milk"]}, "some milk", "some water"),
    ({"lacks": ["red", ","]}, "a reddish fruit", "a fruit, green"),
    ({"one_of": ["yes", "no"]}, " No. ", "no way"),
    ({"times": {"bell": 2}}, "Bell and bell, belly", "one bell"),
]


def score(target: str, text: str):
    said = Completion(text=text, prompt_tokens=0, completion_tokens=0, latency_ms=0)
    sample = Sample(id="s", input="q", target=target)
    return registry.metric("instructions").score(Prompt(sample_id="s", messages=()), said, sample)


@pytest.mark.parametrize(("checks", "kept", "broken"), CASES)
def test_a_check_tells_kept_from_broken(checks, kept, broken):
    target = json.dumps(checks)
    assert score(target, kept).value == 1
    found = score(target, broken)
    assert found.value == 0
    assert found.note.startswith(next(iter(checks)))
    assert score(target, "").value == 0


def test_every_kind_of_check_has_a_case():
    counted = {name for checks, *_ in CASES for name in checks}
    bounds = ("_at_most", "_at_least", "_exactly")
    kinds = {next((n.removesuffix(b) for b in bounds if n.endswith(b)), n) for n in NAMES}
    seen = {next((n.removesuffix(b) for b in bounds if n.endswith(b)), n) for n in counted}
    assert kinds == seen


def test_all_checks_must_hold():
    target = json.dumps({"words_at_most": 2, "upper_case": True})
    assert score(target, "GO ON").value == 1
    assert score(target, "GO ON THEN").value == 0
    assert score(target, "go on").value == 0


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        ({"words_at_mots": 5}, "did you mean words_at_most?"),
        ({"words_at_most": "five"}, "words_at_most"),
        ({"words_at_most": True}, "words_at_most"),
        ({"json": 1}, "json"),
        ({"script": "runes"}, "script"),
        ({"contains": "word"}, "contains"),
        ({"times": {"a": "b"}}, "times"),
    ],
)
def test_a_check_that_cannot_be_read_is_no_zero(checks, told):
    found = score(json.dumps(checks), "Yes.")
    assert found.unscored
    assert told in found.note


def test_a_target_without_checks_is_the_answer_itself():
    assert score("Yes.", " Yes. ").value == 1
    assert score("Yes.", "No.").value == 0


def test_every_packaged_instruction_can_be_read_and_broken():
    rambling = "Well, red, white and green fruit. I Think\n\n* so, at least?\n" * 9 + "Or not"
    for sample in read_dataset(probe_root() / "instructions.jsonl").samples:
        assert not score(sample.target, "Yes.").unscored, sample.target
        is_kept_by_length = "_at_least" in sample.target and "lacks" not in sample.target
        found = score(sample.target, "Well." if is_kept_by_length else rambling)
        assert found.value == 0, sample.input
