import pytest

from advisor.builtin.metrics.contains import ContainsMetric
from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.builtin.metrics.token_f1 import TokenF1Metric, shared_words_f1
from advisor.schema.evaluation import Completion, Prompt, Sample


def score(metric, answer, reference):
    return metric.score(
        Prompt(sample_id="s", messages=()),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="", target=reference),
    ).value


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("57 dB", "57 dB", 1),
        ("  57   db.\n", "57 dB", 1),
        ("Straße", "STRASSE", 1),
        ("57 dB", "57 dB.", 1),
        ("It is 57 dB", "57 dB", 0),
        ("57 dB..", "57 dB", 0),
        ("5.7", "57", 0),
        ("", "57 dB", 0),
        ("", "", 1),
        ('{"a": 1}', '{"a": 1}', 1),
    ],
)
def test_exact_match(answer, reference, expected):
    assert score(ExactMatchMetric(), answer, reference) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("The level is 57 dB.", "57 dB", 1),
        ("157 dB", "57 dB", 0),
        ("a party", "art", 0),
        ("art.", "ART", 1),
        ("the code is (E-4)", "(E-4)", 1),
        ("", "x", 0),
        ("anything", "", 0),
        ("", "", 1),
    ],
)
def test_contains(answer, reference, expected):
    assert score(ContainsMetric(), answer, reference) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("a b", "a b", 1),
        ("b, a", "A b.", 1),
        ("a b c d", "a b", 2 / 3),
        ("a a a", "a", 0.5),
        ("x", "y", 0),
        ("", "y", 0),
        ("", "", 1),
        ("!", "?", 0),
    ],
)
def test_token_f1(answer, reference, expected):
    assert score(TokenF1Metric(), answer, reference) == pytest.approx(expected)


def test_shared_words_is_the_harmonic_mean_of_precision_and_recall():
    precision, recall = 2 / 5, 2 / 3
    expected = 2 * precision * recall / (precision + recall)
    assert shared_words_f1("a b c d e", "a b z") == pytest.approx(expected)
