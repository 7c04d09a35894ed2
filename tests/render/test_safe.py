from __future__ import annotations

import pytest

from advisor.render.safe import amount, fact_text, percent, profile_facts, safe_text, signed, words
from tests.fixtures import values as v


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("nul\x00bell\x07", "nulbell"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("cut \x1b[", "cut"),
        ("  edges  ", "edges"),
        ("日本語 é", "日本語 é"),
    ],
)
def test_what_could_harm_a_screen_is_taken_out(raw: str, shown: str) -> None:
    assert safe_text(raw) == shown


def test_a_cut_text_has_the_limit_as_its_length_and_says_that_it_was_cut() -> None:
    assert safe_text("abcdef", 6) == "abcdef"
    assert safe_text("abcdefg", 6) == "abcde…"


def test_a_very_long_text_is_not_cleaned_to_its_end() -> None:
    assert len(safe_text("x" * 10_000_000, 50)) == 50


def test_unknown_is_said_and_never_zero() -> None:
    assert percent(None) == "unknown"
    assert percent(float("nan")) == "unknown"
    assert amount(None, "GiB") == "unknown"
    assert words(None) == "unknown"
    assert fact_text(None) == "unknown"
    assert percent(0.0) == "0.0 %"


def test_percent_rounds_to_one_decimal() -> None:
    assert percent(0.8349) == "83.5 %"


def test_facts_keep_unknown_apart_from_no() -> None:
    facts = profile_facts(v.profile())
    assert facts["knowledge.in_documents"] == "yes"
    assert facts["knowledge.must_cite"] is None
    assert not any(name.startswith("measured.") for name in facts)
    assert not any(name.startswith(("provenance", "notes")) for name in facts)


def test_a_megabyte_is_cut_even_where_nobody_named_a_limit() -> None:
    shown = safe_text("x\u202e" * 500_000)
    assert 1_000 < len(shown) < 10_000
    assert shown.endswith("…")


def test_a_storm_of_combining_marks_is_cut_and_words_keep_theirs() -> None:
    assert safe_text("Z" + "\u0301" * 400 + "!") == "Z" + "\u0301" * 8 + "!"
    assert safe_text("e\u0301a\u0323\u0302") == "e\u0301a\u0323\u0302"


def test_nothing_has_no_sign() -> None:
    assert [signed(value) for value in (-0.04, 0.0, 0.04, 0.06, -3)] == [
        "0.0", "0.0", "0.0", "+0.1", "-3.0",
    ]  # fmt: skip
    assert (signed(-0.3, 0), signed(10, 0), signed(-0.001, 2)) == ("0", "+10", "0.00")
