"""Every pattern finds its examples and spares the others; sums of digits are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import RuleParseError
from advisor.patterns import CHECKED, Pattern, masked_value, passes, patterns, read_patterns
from advisor.resources import rules_root

FILES = sorted((rules_root() / "data_check").glob("*.yaml"))


def finds(pattern: Pattern, text: str) -> bool:
    return next(pattern.found(text, text.lower()), None) is not None


def every() -> list[tuple[str, Pattern]]:
    return [(path.stem, pattern) for path in FILES for pattern in read_patterns(path).patterns]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_says_why_and_its_patterns_have_examples(path: Path) -> None:
    held = read_patterns(path)
    assert held.title
    assert len(held.reason) > 40
    assert held.patterns or held.figures
    assert len({pattern.id for pattern in held.patterns}) == len(held.patterns)
    for pattern in held.patterns:
        assert pattern.matches, pattern.id
        assert pattern.spares, pattern.id
        assert pattern.check in ("", *CHECKED)
        assert all(word == word.lower() for word in pattern.needs)


@pytest.mark.parametrize(("file", "pattern"), every(), ids=lambda v: getattr(v, "id", v))
def test_examples_are_found_and_counterexamples_spared(file: str, pattern: Pattern) -> None:
    assert [text for text in pattern.matches if not finds(pattern, text)] == []
    assert [text for text in pattern.spares if finds(pattern, text)] == []


def test_sums_of_digits() -> None:
    assert passes("luhn", "4111 1111 1111 1111")
    assert not passes("luhn", "4111 1111 1111 1112")
    assert not passes("luhn", "0000 0000 0000 0000")
    assert passes("iban", "DE89 3704 0044 0532 0130 00")
    assert not passes("iban", "DE88 3704 0044 0532 0130 00")


def test_a_value_is_shown_by_three_characters_and_its_length() -> None:
    assert masked_value("abcdefgh") == "abc… (8 characters)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("patterns: [{id: a, pattern: '('}]", "'a' of broken.yaml"),
        ("patterns: [{id: a}]", "'a' of broken.yaml"),
        ("- a list", "holds no"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RuleParseError, match=said):
        read_patterns(path)


def test_files_are_read_once() -> None:
    assert patterns("secrets") is patterns("secrets")
