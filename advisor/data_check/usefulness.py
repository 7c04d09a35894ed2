"""How much of the data teaches something: each row counted once, under its gravest fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from advisor.data_check.looks import Found, Whole
from advisor.patterns import patterns
from advisor.schema.dataset import Fault, Usefulness

GRAVEST_FIRST = (
    "leakage",
    "near_leakage",
    "synthetic_in_test",
    "test_items_in_documents",
    "contradictions",
    "no_trainable_tokens",
    "preference_equal",
    "placeholder_targets",
    "roles_out_of_order",
    "truncated_targets",
    "repeated_text",
    "refusals",
    "injected_instructions",
    "odd_encoding",
    "html_remnants",
    "mixed_languages",
    "duplicates",
    "near_duplicates",
)
"""What takes a row out; secrets, personal data and phrases can be masked or cut instead."""
LOWERED_BY = {
    "label_imbalance": 0.9,
    "preference_length_bias": 0.9,
    "kto_one_sided": 0.7,
}
"""What no deletion mends, by what is left of the score."""


def usefulness(found: Iterable[Found], faults: Counter[str], whole: Whole) -> Usefulness | None:
    """Rows lost by cause, and what remains; None without a usable row."""
    if not whole.rows:
        return None
    by_code: dict[str, list[Found]] = {}
    for each in found:
        by_code.setdefault(each.code, []).append(each)
    lost = bytearray(whole.rows)
    parts = dict(faults)
    for code in GRAVEST_FIRST:
        before = sum(lost)
        for each in by_code.get(code, ()):
            if each.severity == "note" and code not in ("duplicates", "near_duplicates"):
                continue
            for place in each.places:
                lost[place] = 1
        if more := sum(lost) - before:
            parts[code] = more
    remaining = whole.rows - sum(lost)
    share = remaining / (whole.rows + faults.total())
    for code, factor in LOWERED_BY.items():
        share *= factor if code in by_code else 1.0
    enough = patterns("thresholds").figures["usable_rows"]
    share *= min(1.0, remaining / enough)
    return Usefulness(score=round(100 * share, 1), remaining=remaining, parts=parts)


def by_code(faults: Iterable[Fault]) -> Counter[str]:
    """Faulty rows by kind."""
    return Counter(fault.code for fault in faults)
