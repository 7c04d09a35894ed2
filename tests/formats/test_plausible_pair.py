"""The `--map` that is proposed for unknown fields follows what they hold."""

from __future__ import annotations

import pytest

from advisor.formats.detect import plausible_pair

LONG = "a long text about some thing, number"


@pytest.mark.parametrize(
    ("row", "pair"),
    [
        ({"nr": "k{n}", "sort": "a{m}", "body": LONG + " {n}"}, ("body", "sort")),
        ({"id": "key {n} of a row", "frage": "why {n}?", "antwort": LONG}, ("frage", "antwort")),
        ({"frage": LONG + "{n}", "antwort": "so {n}"}, ("frage", "antwort")),
        ({"only": LONG}, ("only", "FIELD")),
        ({}, ("FIELD", "FIELD")),
    ],
)
def test_content_decides(row: dict[str, str], pair: tuple[str, str]) -> None:
    rows = [{k: text.format(n=n, m=n % 3) for k, text in row.items()} for n in range(20)]
    assert plausible_pair(rows) == pair
    assert plausible_pair([{"x": 1}, {"x": None}]) == ("FIELD", "FIELD")
