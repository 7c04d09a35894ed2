"""Facts as people read them: a plain name for the dotted id, and values with their unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.safe import fact_text, safe_text, words

if TYPE_CHECKING:
    from advisor.schema.decide import FactChange, Flip
    from advisor.schema.rule import Scalar

NAMES = {
    "task.kind": "kind of task",
    "task.target": "target score",
    "task.is_one_off": "one-off work",
    "data.quality": "quality of the data",
    "data.answer_in_input_share": "share of answers in the input",
    "knowledge.in_documents": "answers in documents",
    "knowledge.is_public": "public documents",
    "knowledge.document_is_given": "document known beforehand",
    "knowledge.is_multi_hop": "several passages per answer",
    "model.is_instruct": "model follows instructions",
    "constraints.max_hours": "time limit",
    "constraints.hosting": "place where it runs",
    "measured.prompted_score": "score of a good prompt",
    "measured.closed_book_score": "score without the documents",
}
"""Where the last part of an id is no name that explains itself."""
UNITS = {
    "days": "days",
    "hours": "hours",
    "ms": "ms",
    "billion": "billion",
    "gib": "GiB",
    "gb": "GB",
}
"""Last word of an id -> what its values are counted in."""
MONEY = "usd"
SHARES = ("share", "score", "target", "gap", "gain")
FLAGS = ("is_", "has_")


def fact_name(fact: str, *, in_full: bool = False) -> str:
    """'labelled samples' for `data.labelled_samples`; with the id behind it `in_full`."""
    name = NAMES.get(fact) or _plain_name(fact)
    return f"{name} ({safe_text(fact)})" if in_full else name


def _plain_name(fact: str) -> str:
    last = safe_text(fact.rpartition(".")[2])
    for flag in FLAGS:
        last = last.removeprefix(flag)
    parts = last.split("_")
    if len(parts) > 1 and parts[-1] in {*UNITS, MONEY}:
        parts = parts[:-1]
    return " ".join(parts)


def fact_value(fact: str, value: Scalar) -> str:
    """A value as people read it, with its unit: '31 days', '$50', '85 %', 'yes'."""
    if isinstance(value, bool):
        return fact_text(value)
    if isinstance(value, str):
        return words(value)
    last = fact.rpartition("_")[2].rpartition(".")[2]
    if last in SHARES:
        return f"{round(100 * value, 1):g} %"
    if last == MONEY:
        return f"${fact_text(value)}"
    return f"{fact_text(value)} {UNITS.get(last, '')}".rstrip()


def flip_condition(flip: Flip, *, in_full: bool = False) -> str:
    """'labelled samples were 500 or more rather than 50, and must cite yes (now unknown)'."""
    first = _change(flip, " were", in_full=in_full)
    if flip.together_with is None:
        return first
    return f"{first}, and {_change(flip.together_with, '', in_full=in_full)}"


def _change(change: Flip | FactChange, verb: str, *, in_full: bool) -> str:
    before, after = change.from_value, change.to_value
    now = "(now unknown)" if before is None else f"rather than {_bare(change.fact, before, after)}"
    name, value = fact_name(change.fact, in_full=in_full), fact_value(change.fact, after)
    return f"{name}{verb} {value}{_beyond(before, after)} {now}"


def _bare(fact: str, value: Scalar, other: Scalar) -> str:
    """The value without the unit that the other one beside it has already told."""
    told, unit = fact_value(fact, value), UNITS.get(fact.rpartition("_")[2], "")
    is_said = unit and fact_value(fact, other).endswith(unit)
    return told.removesuffix(unit).rstrip() if is_said else told


def _beyond(before: Scalar | None, after: Scalar) -> str:
    """A changed number stands for the threshold it has crossed: ' or more', ' or less'."""
    numbers = [n for n in (before, after) if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < 2:
        return ""
    if numbers[1] > numbers[0]:
        return " or more"
    return " or fewer" if isinstance(after, int) else " or less"
