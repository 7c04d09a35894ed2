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

OPENING = 240
"""Characters looked at: a refusal says so at once."""
LONGEST_LEAD = 60
"""Characters of the phrase before an answer."""
DECLINES = re.compile(
    r"\b(?:i|we)(?:['’]m| am|['’]re| are)?(?: \w+)? (?:sorry|unable to|not able to|not sure)\b"  # noqa: RUF001
    r"|\b(?:i|we) (?:can(?:no|['’])?t|can not|could not|couldn['’]t|do not|don['’]t) (?:\w+ )?"  # noqa: RUF001
    r"(?:answer|know|find|tell|determine|say|help|assist|have|see)\b"
    r"|\b(?:un|not )answerable\b|\bno answer\b|\b(?:cannot|can not|can['’]t|could not) be "  # noqa: RUF001
    r"(?:determined|answered|found|inferred)\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w+ )?"  # noqa: RUF001
    r"(?:mentioned|stated|given|provided|specified|known|available|in the (?:context|documents?|"
    r"passages?|text))\b|\b(?:not|never) (?:mentioned|stated|specified)\b"
    r"|\b(?:does|do)(?: not|n['’]t) (?:contain|mention|say|state|specify|provide|include|give|"  # noqa: RUF001
    r"answer)\b|\b(?:not enough|insufficient|no) (?:\w+ )?(?:information|context|evidence|data)\b"
    r"|\bweiß (?:ich )?(?:es )?nicht\b|\bkeine (?:angaben?|antwort|information\w*)\b"
    r"|\bne (?:sais|peux) pas\b|\bno lo sé\b",
    re.IGNORECASE,
)
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
    """Whether a text says that it gives no answer."""
    return DECLINES.search(text[:OPENING]) is not None or " ".join(words(text)) in BARE


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
