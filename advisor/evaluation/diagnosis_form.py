"""What form an answer has: a refusal, the target wrapped in something, JSON or none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from advisor.evaluation.diagnosis_words import (
    denies,
    label_form,
    same_label,
    same_words,
    stands_in,
    words,
)

LONGEST_REFUSAL = 60
"""Words of a text that only says that there is no answer."""
LONGEST_LEAD = 60
"""Characters of the phrase before an answer."""
_SOURCE = (
    r"(?:context|documents?|passages?|texts?|articles?|manuals?|sources?|excerpts?|paragraphs?|"
    r"information|answer|above|here|anywhere)"
)
_CANNOT = r"(?:cannot|can not|can['’]?t|could not|couldn['’]t|do not|don['’]t|did not|didn['’]t)"  # noqa: RUF001
_IS_NOT = r"(?:is|are|was|were|be)(?: not|n['’]t)"  # noqa: RUF001
_FOUND = (
    r"(?: \w+){0,2} (?:it|this|that|answers?|information|mention|details?|reference|evidence|data|"
    r"context)\b"
)
DECLINES = re.compile(
    rf"\b(?:i|we) {_CANNOT} (?:\w+ )?(?:answer|know|tell|determine|say)\b"
    rf"|\b(?:i|we) {_CANNOT} (?:\w+ )?(?:find|see|have|provide|give){_FOUND}"
    rf"|\b(?:i|we) {_CANNOT} (?:help|assist)(?: you)?(?: with (?:it|this|that).*)?$"
    r"|\b(?:am|are|i['’]m|we['’]re) (?:\w+ )?(?:unable to|not able to) "  # noqa: RUF001
    r"(?:answer|tell|determine|say|find|help|assist|provide)\b"
    r"|\b(?:am|are|i['’]m|we['’]re) not (?:\w+ )?(?:sure|certain)\b"  # noqa: RUF001
    r"|\b(?:un|not )answerable\b|\bno answer\b|\b(?:cannot|can not|can['’]t|could not) be "  # noqa: RUF001
    r"(?:determined|answered|found|inferred)\b"
    rf"|\b{_IS_NOT} (?:\w+ )?(?:mentioned|stated|specified|known)\b"
    rf"|\b{_SOURCE}\b.* {_IS_NOT} (?:\w+ )?(?:given|provided|available)\b"
    rf"|\b{_IS_NOT} (?:\w+ )?(?:given|provided|available|contained|found|in)"
    rf"\b.*\b{_SOURCE}\b|^not (?:mentioned|stated|specified|given|known|available)\b"
    rf"|\b{_SOURCE}\b.* (?:does|do|did)(?: not|n['’]t) (?:\w+ )?"  # noqa: RUF001
    r"(?:contain|mention|say|state|specify|provide|include|give|answer|tell|help)\b"
    r"|\b(?:not enough|insufficient|no) (?:\w+ )?(?:information|context)\b"
    r"|\b(?:not enough|insufficient) (?:evidence|data|details)\b"
    r"|\bweiß (?:ich )?(?:es )?nicht\b|\bkeine (?:angaben?|antwort|information\w*)\b"
    r"|\bne (?:sais|peux) pas\b|\bno lo sé\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:my|me|mine|our|your(?! questions?\b)|how to)\b", re.IGNORECASE)
"""Words of somebody who tells of a trouble: 'I cannot find my card' declines nothing."""
_BESIDE = re.compile(
    r"^(?:(?:i am|i['’]m|we are|we['’]re)? ?(?:very |really )?sorry$|i apologi[sz]e$|unfortunately$"  # noqa: RUF001
    r"|please\b|you (?:may|might|can|could)\b|let me know\b|if you\b|try\b|could you\b|can you\b|"
    r"would you\b)",
    re.IGNORECASE,
)
"""Sentences that go with a refusal and say nothing else."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|[;\n]+|,? (?:but|however|although) ", re.IGNORECASE)
BARE = frozenset(("n a", "na", "unknown", "none", "no answer", "nothing", "unbekannt", "null"))
FENCE = re.compile(r"```(?:[\w+-]*[ \t]*\r?\n)?(.*?)\r?\n?[ \t]*```", re.DOTALL)
BOXED = re.compile(r"\\boxed\{([^{}]*)\}|####\s*(\S.*)")
LED_IN = re.compile(
    rf"^.{{0,{LONGEST_LEAD}}}?(?:\b(?:is|are|be|was|would be|lautet|ist|est|es)\b:?|[:=→]|->|=>)\s*"
    r"(?P<rest>\S.*)$",
    re.IGNORECASE,
)
SAYS_SO = re.compile(
    r"\b(?:answer|label|category|class|intent|topic|sentiment|result|prediction|verdict|output|"
    r"response|reply|antwort|kategorie|klasse|ergebnis|réponse|respuesta)\b",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether a text says that it gives no answer, and says nothing else.

    Every sentence of it, not some phrase inside: a reply may be sorry and answer all the same.
    """
    is_brief = len(text) <= LONGEST_LEAD
    if is_brief and " ".join(re.findall(r"\w+", text.casefold())) in BARE:
        return True
    if len(text) > 12 * LONGEST_REFUSAL or len(text.split()) > LONGEST_REFUSAL:
        return False
    parts = [part.strip(" .!?,:*") for part in _SENTENCE.split(text.strip())]
    told = [part for part in parts if part and not _BESIDE.match(part)]
    return bool(told) and all(DECLINES.search(one) and not _OWN.search(one) for one in told)


def json_of(text: str) -> Any:
    """The object or list that a text is; None for any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _inside(answer: str) -> Iterator[Any]:
    """The objects and lists that stand in an answer, in fences or prose."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"[{\[]", answer[:20_000]):
        try:
            yield decoder.raw_decode(answer, match.start())[0]
        except (ValueError, RecursionError):
            continue
        return


def json_fault(answer: str, wanted: Any, *, was_cut: bool) -> tuple[str, str]:
    """Cause and reason where an answer in JSON fails by form or wording; else two empty texts."""
    whole = json_of(answer)
    found = whole if whole is not None else next(_inside(answer), None)
    if found is None:
        why = " (cut at the longest answer)" if was_cut else ""
        return "wrong_format", f"the answer is no valid JSON{why}"
    if _alike(found, wanted):
        if whole is None:
            return "wrong_format", "the right JSON stands inside prose or a code fence"
        if found == wanted:
            return "wrong_format", "the same JSON in another order or spacing"
        return "other_wording", "the same fields with values written otherwise"
    if sorted(_leaves(found)) == sorted(_leaves(wanted)):
        return "wrong_format", "the right values under other fields"
    return "", ""


def _alike(one: Any, other: Any) -> bool:
    """Equal but for how values are written."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return False
    return one == other or same_words(str(one), str(other))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield " ".join(words(str(value)))


def wrapped(answer: str, target: str, labels: frozenset[str] = frozenset()) -> str:
    """What the target is wrapped in; empty where it does not stand in the answer so.

    `labels`: the labels there are, in their form, where the target is one.
    """

    def fits(piece: str) -> bool:
        return same_label(piece, target, labels) if labels else same_words(piece, target)

    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    at_ends = (lines[0], lines[-1]) if len(lines) > 1 else ()
    ways: tuple[tuple[str, Iterable[str]], ...] = (
        ("in a code fence", FENCE.findall(answer)),
        ("behind a mark of its own", (one or other for one, other in BOXED.findall(answer))),
        ("in JSON that was not asked for", (t for got in _inside(answer) for t in _leaves(got))),
        ("on a line of its own among others", at_ends),
        ("behind a phrase that leads in", _led_in(lines)),
    )
    for way, pieces in ways:
        if any(map(fits, pieces)):
            return f"the reference stands {way}"
    if labels and _only_label(answer, labels) == label_form(target):
        return "the label stands in a sentence"
    return ""


def _led_in(lines: list[str]) -> Iterator[str]:
    """What follows 'the answer is' or a colon; a denial leads to nothing."""
    for line in (lines[0], lines[-1]) if lines else ():
        match = LED_IN.match(line)
        while match is not None:
            lead = line[: match.start("rest")]
            if not denies(words(lead)) and (SAYS_SO.search(lead) or lead.rstrip()[-1:] in ":=→>"):
                yield match["rest"].strip("*_\"'` ")
            line = match["rest"]  # noqa: PLW2901 - the rest may lead in again
            match = LED_IN.match(line)


def _only_label(answer: str, labels: frozenset[str]) -> str:
    """The one label that stands in an answer which denies nothing; empty for none or several."""
    rest = label_form(answer).split()
    if denies(rest):
        return ""
    found = []
    for label in sorted(labels, key=len, reverse=True):
        parts = label.split()
        place = stands_in(parts, rest)
        while parts and place >= 0:
            if label not in found:
                found.append(label)
            rest[place : place + len(parts)] = ["\0"]
            place = stands_in(parts, rest)
    return found[0] if len(found) == 1 else ""
