"""The samples in a model's reply, however much it says around them."""

from __future__ import annotations

import json
from typing import Any

MOST = 100
"""Objects read out of one reply."""
INPUTS = ("input", "question", "text", "prompt")
OUTPUTS = ("output", "answer", "label", "completion", "target")


def objects_in(text: str) -> list[dict[str, Any]]:
    """Every complete JSON object of a reply, outermost first; what is broken is passed over.

    A reply that was cut off still gives the objects before the cut.
    """
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    place = text.find("{")
    while place >= 0 and len(found) < MOST:
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
        else:
            found += _rows(value)
        place = text.find("{", place)
    return found


def _rows(value: object) -> list[dict[str, Any]]:
    """The object itself, or the rows in a wrapper such as {"examples": [...]}."""
    if not isinstance(value, dict):
        return []
    lists = [item for item in value.values() if isinstance(item, list)]
    if len(value) == 1 and lists:
        return [row for row in lists[0] if isinstance(row, dict)]
    return [value]


def pair_in(row: dict[str, Any], *, label: str = "") -> tuple[str, str] | None:
    """Input and output of a row as texts; None where one is missing or blank.

    A nested output is written as JSON; with a `label` the output may be left out.
    """
    asked = _first(row, INPUTS)
    answer = _first(row, OUTPUTS) or label
    return (asked, answer) if asked and answer else None


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, (dict, list, int, float)) and value not in ({}, []):
            return json.dumps(value, ensure_ascii=False)
    return ""
