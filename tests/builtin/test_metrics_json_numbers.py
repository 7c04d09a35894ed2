"""JSON, numbers, patterns, labels: what each forgives and what it does not."""

import json

import pytest

from advisor import registry
from advisor.builtin.metrics.json_text import parse
from advisor.builtin.metrics.numeric import numbers
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Prompt, Sample

SCHEMA = '{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}'
FENCED = 'Here you are:\n```json\n{"city": "Rome"}\n```\nAnything else?'


def score(name, answer, reference="", **options):
    metric = registry.configured_metric(name, options)
    return metric.score(
        Prompt(sample_id="s", messages=()),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="", target=reference),
    )


def value(*args, **options):
    return score(*args, **options).value


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ('{"city": "Rome"}', {}, 1),
        ("[1, 2]", {}, 1),
        ("5", {}, 0),
        ('"Rome"', {}, 0),
        ('{"city": "Rome"', {}, 0),
        ('{"city": NaN}', {}, 0),
        ("", {}, 0),
        (FENCED, {}, 0),
        (FENCED, {"tolerate": "fences"}, 1),
        ('The city: {"city": "Rome"}. Done.', {"tolerate": "fences"}, 0),
        ('The city: {"city": "Rome"}. Done.', {"tolerate": "prose"}, 1),
        ('{"city": "Rome"}', {"schema": SCHEMA}, 1),
        ('{"city": 5}', {"schema": SCHEMA}, 0),
        ('{"town": "Rome"}', {"schema": SCHEMA}, 0),
        ("[" * 100_000, {}, 0),
        ("9" * 10_000, {}, 0),
    ],
)
def test_json_valid(answer, options, expected):
    assert value("json_valid", answer, **options) == expected


def test_the_first_fault_is_noted():
    assert score("json_valid", '{"city": 5}', schema=SCHEMA).note == "against the schema at $.city"
    assert "line 2" in score("json_valid", '{\n"a" 1}').note


def test_a_schema_comes_from_a_file_and_its_digest_stands_in_the_signature(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text(SCHEMA)
    by_file = registry.configured_metric("json_valid", {"schema": str(file)})
    inline = registry.configured_metric("json_valid", {"schema": SCHEMA})
    assert by_file.signature == inline.signature
    assert by_file.signature != registry.metric("json_valid").signature


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("missing.json", "cannot be read"),
        ('{"type": 5}', "JSON schema is wrong at '"),
        ('{"type": "object"', "no JSON"),
    ],
)
def test_a_schema_that_is_none_is_told_before_the_first_answer(schema, words):
    with pytest.raises(InputError, match=words):
        registry.configured_metric("json_valid", {"schema": schema})


def test_a_schema_is_never_fetched():
    far = '{"$ref": "http://127.0.0.1:9/schema.json"}'
    with pytest.raises(InputError, match="which it does not hold"):
        value("json_valid", "{}", schema=far)


@pytest.mark.parametrize(
    ("answer", "reference", "options", "expected"),
    [
        ('{"a": 1, "b": "x"}', '{"b": "X.", "a": 1.0}', {}, 1),
        ('{"a": 1, "b": "x"}', '{"b": "X.", "a": 1.0}', {"values": "exact"}, 1 / 2),
        ('{"a": 1}', '{"a": 1, "b": 2}', {}, 2 / 3),
        ('{"a": 1, "c": 3}', '{"a": 1, "b": 2}', {}, 1 / 2),
        ('{"a": "1"}', '{"a": 1}', {}, 0),
        ('{"a": true}', '{"a": 1}', {}, 0),
        ('{"a": null}', '{"a": null}', {}, 1),
        ('{"a": {"b": [1, 2]}}', '{"a": {"b": [2, 1]}}', {}, 0),
        ('{"a": {"b": [1, 2]}}', '{"a": {"b": [2, 1]}}', {"lists": "unordered"}, 1),
        ('{"a": []}', '{"a": {}}', {}, 0),
        ("{}", "{}", {}, 1),
        ('{"a.b": 1}', '{"a": {"b": 1}}', {}, 0),
        (FENCED, '{"city": "Rome"}', {}, 1),
        (FENCED, '{"city": "Rome"}', {"tolerate": "nothing"}, 0),
        ("Rome", '{"city": "Rome"}', {}, 0),
        ("Rome", "rome", {}, 1),
    ],
)
def test_json_fields(answer, reference, options, expected):
    assert value("json_fields", answer, reference, **options) == pytest.approx(expected)


def test_two_fences_are_no_answer():
    assert parse("```\n{}\n```\n```\n[]\n```", tolerate="fences").fault
    assert parse(json.dumps({"a": "```"}), tolerate="fences").value == {"a": "```"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5 and -3", [1234.5, -3]),
        ("US$ 1,000,000", [1e6]),
        ("\u22127 °C", [-7]),
        ("x=.5", [0.5]),
        ("1e3", [1000]),
        ("2020-11-05", [2020, 11, 5]),
        ("4/5", [4, 5]),
        ("E404 v2.0 a1", []),
        ("12 %, 3.", [12, 3]),
        ("1'000", [1000]),
    ],
)
def test_numbers_are_found_as_people_write_them(text, expected):
    assert [number.value for number in numbers(text)] == expected


@pytest.mark.parametrize(
    ("answer", "reference", "options", "expected"),
    [
        ("The total is $1,234.50.", "1234.5", {}, 1),
        ("3 + 4 = 7", "7", {}, 1),
        ("7 is the sum of 3 and 4", "7", {}, 0),
        ("7 is the sum of 3 and 4", "7", {"pick": "first"}, 1),
        ("3 or 4", "3", {"pick": "only"}, 0),
        ("12%", "0.12", {}, 1),
        ("12", "12 %", {}, 1),
        ("0.12", "12%", {"percent": "strict"}, 0),
        ("9.8", "9.81", {}, 0),
        ("9.8", "9.81", {"absolute": "0.01"}, 1),
        ("9.7", "9.81", {"absolute": "0.01"}, 0),
        ("102", "100", {"relative": "0.02"}, 1),
        ("103", "100", {"relative": "0.02"}, 0),
        ("1.234,5", "1.234,5 €", {"decimal": "comma"}, 1),
        ("0.1", "0.10", {}, 1),
        ("no idea", "5", {}, 0),
        ("none", "None.", {}, 1),
        ("-5", "5", {}, 0),
    ],
)
def test_numeric(answer, reference, options, expected):
    assert value("numeric", answer, reference, **options) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "options", "expected"),
    [
        ("Answer: B", "b", {"pattern": r"Answer: (\w)"}, 1),
        ("Answer: B", "c", {"pattern": r"Answer: (\w)"}, 0),
        ("see E-404", "", {"pattern": r"E-\d+"}, 1),
        ("see E-404", "", {"pattern": r"E-\d+", "whole": "yes"}, 0),
        ("e-404", "", {"pattern": r"E-\d+", "ignore_case": "yes", "whole": "yes"}, 1),
        ("", "", {"pattern": r".*"}, 0),
    ],
)
def test_regex(answer, reference, options, expected):
    assert value("regex", answer, reference, **options) == expected


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("regex", {}, "needs the option 'pattern'"),
        ("regex", {"pattern": "("}, "no regular expression"),
        ("numeric", {"absolute": "-1"}, "0 or more"),
        ("numeric", {"relative": "nan"}, "0 to 1"),
        ("numeric", {"pick": "lst"}, "did you mean 'last'"),
        ("accuracy", {"labels": "A,a"}, "two labels read alike"),
        ("accuracy", {"labels": " , "}, "no label"),
        ("accuracy", {"labels": "[1]"}, "JSON list"),
        ("chrf", {"char_order": "0"}, "whole number from 1 to 10"),
        ("bleu", {"tokenize": "moses"}, "one of 13a"),
        ("normalised_match", {"articles": "maybe"}, "one of yes, no"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(name, options, words):
    with pytest.raises(InputError, match=words) as caught:
        registry.configured_metric(name, options)
    assert "\n" not in caught.value.message
    assert caught.value.hint


LABELS = "card lost,card,refund,not urgent,urgent"


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("The intent is card_lost.", "card lost", 1),
        ("**Refund**", "refund", 1),
        ('Label: "refund"', "refund", 1),
        ("Because of the loss.\nAnswer: refund", "refund", 1),
        ("first: card\nAnswer: refund", "refund", 1),
        ("The answer is not refund.", "refund", 0),
        ("refund or card", "refund", 0),
        ("", "refund", 0),
    ],
)
def test_a_label_is_found_inside_a_phrase_with_and_without_known_labels(answer, target, expected):
    assert value("accuracy", answer, target) == expected
    assert value("accuracy", answer, target, labels=LABELS) == expected


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("I would file this under refund, I think", "refund", 1),
        ("Customer has lost it, so card lost applies", "card lost", 1),
        ("This is not urgent at all", "not urgent", 1),
        ("This isn't a refund", "refund", 0),
        ("Either a refund or a card matter", "refund", 0),
        ("discard", "card", 0),
    ],
)
def test_known_labels_are_found_anywhere_if_there_is_one(answer, target, expected):
    assert value("accuracy", answer, target, labels=LABELS) == expected


def test_the_order_of_labels_does_not_change_the_signature():
    one = registry.configured_metric("accuracy", {"labels": "a, b"})
    other = registry.configured_metric("accuracy", {"labels": '["b", "a"]'})
    assert one.signature == other.signature


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1),
        ("«Ёлка»", "ёлка", 1),
        ("1,000", "1000", 1),
        ("1.5", "15", 0),
        ("-5", "5", 0),
        ("the", "a", 0),
        ("Ångström", "A\u030angstro\u0308m", 1),
    ],
)
def test_normalised_match(answer, reference, expected):
    assert value("normalised_match", answer, reference) == expected
