"""Probes in words and figures: what is counted, before and after, and how much worse is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import short_number
from advisor.render.safe import UNKNOWN, percent, safe_text, signed
from advisor.schema.probe import OF_TEST_PART

if TYPE_CHECKING:
    from advisor.schema.base import ConfidenceInterval
    from advisor.schema.probe import ProbeFinding

COUNTED = {
    "loss": "loss",
    "task": "right answers",
    "instruction": "requests followed",
    "format": "answers in form",
    "hallucination": "made-up answers",
    "refusal": "refusals",
    "harness": "score",
}
"""What the figures of a kind of probe are."""
SHORT_UNITS = {"nats per token": "nats"}
"""Units as they stand beside each figure."""
NATS = "Nats: loss in nats per token, less is better."
NOTHING_TO_LOSE = "nothing to lose"


def probe_title(found: ProbeFinding) -> str:
    """'conversations it knows (right answers)'."""
    return f"{safe_text(found.probe)}{counted_text(found)}"


def counted_text(found: ProbeFinding) -> str:
    """' (right answers)'; empty where unit or name say it: a loss, and what is read off answers."""
    says_itself = bool(found.unit) or found.source == OF_TEST_PART
    return "" if says_itself else f" ({COUNTED[found.kind]})"


def probe_value(found: ProbeFinding, value: float | None) -> str:
    """'88.5 %' for a share, '0.15 nats' for a loss; 'unknown' for None."""
    if value is None or not found.unit:
        return percent(value)
    return f"{short_number(value)} {_unit(found)}".rstrip()


def allowed_text(found: ProbeFinding) -> str:
    """The change that is allowed, with its direction: '-5 points', '+0.1 nats'."""
    if found.unit and not found.allowed:
        return UNKNOWN
    bound = -found.allowed if found.higher_is_better else found.allowed
    if found.unit:
        return f"{bound:+g} {_unit(found)}".rstrip()
    return f"{100 * bound:+g} points"


def change_text(found: ProbeFinding) -> str:
    """The change from before to after with its interval: '-8.3 points (-16.9 to +0.4)'."""
    if found.worse_by is None:
        return UNKNOWN
    change = _turned(found, found.worse_by)
    reach = _reach(found, found.interval) if found.interval else ""
    if found.unit:
        return f"{_signed(found, change)} {_unit(found)}{reach}"
    return f"{_signed(found, change)} points{reach}"


def _reach(found: ProbeFinding, interval: ConfidenceInterval) -> str:
    ends = sorted(_turned(found, end) for end in (interval.low, interval.high))
    return f" ({' to '.join(_signed(found, end) for end in ends)})"


def _turned(found: ProbeFinding, worse_by: float) -> float:
    """How much more the figure is after, where it is told how much worse it is."""
    return -worse_by if found.higher_is_better else worse_by


def _signed(found: ProbeFinding, change: float) -> str:
    return signed(change, 2) if found.unit else signed(100 * change)


def _unit(found: ProbeFinding) -> str:
    return SHORT_UNITS.get(found.unit, "")


def probe_words(found: ProbeFinding) -> str:
    """'general text: 0.085 to 1.1 nats per token'; unknown where it was not measured."""
    before, after = (_bare(found, value) for value in (found.before, found.after))
    unit = f" {safe_text(found.unit)}" if found.unit and found.after is not None else ""
    return f"{probe_title(found)}: {before} to {after}{unit}"


def _bare(found: ProbeFinding, value: float | None) -> str:
    return percent(value) if value is None or not found.unit else short_number(value)
