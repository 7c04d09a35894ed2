"""Text folded to the terminal."""

from __future__ import annotations

import pytest

from advisor.cli.width import columns, filled


@pytest.mark.parametrize(
    ("said", "wide"), [("40", 40), ("200", 80), ("3", 20), ("0", 80), ("wide", 80), ("", 80)]
)
def test_columns_by_the_environment_where_there_is_no_terminal(monkeypatch, said, wide):
    monkeypatch.setenv("COLUMNS", said)
    assert columns() == wide


def test_lines_are_folded_between_words_with_their_indents(monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    assert filled("one two three four five six", first=" 1  ", other="    ") == (
        " 1  one two three four\n    five six"
    )
    assert filled("one\ntwo", first="  ") == "  one\n  two"
    assert filled("") == ""


def test_numbers_stay_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert filled("samples: about 5 000") == "samples: about\n5 000"
    assert filled("it reached over 85 %") == "it reached over\n85 %"


def test_a_line_never_passes_the_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    text = "The kind of answer decides which approaches make sense at all. " * 3
    assert max(len(line) for line in filled(text, first="  ").splitlines()) <= 29
