"""Which label an answer gives: as it stands, or wrapped in a phrase, if there is no doubt."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from advisor.builtin.metrics.contains import stands_in
from advisor.builtin.metrics.normalise import label_normalised

MARKED = re.compile(
    r"^\W*(?:[^\W\d_]\S*\s+){0,6}?(?:[^\W\d_]\S*)?"
    r"(?:(?:\s|^)(?:is|are|as|ist|est|es)\s|\s*(?:[:=→]|->|=>)\s*)(?P<label>\S.*)$",
    re.IGNORECASE,
)
LEADING = re.compile(r"^\W*(?P<label>\w+)\s*[,.;:!]\s")
IDLE_NO = re.compile(r"\bno\s+(?:problem|doubt|issue|question|worries|reason|need)\b")
LONGEST_LINE = 300
"""Characters of a line that may give a label; a longer one is prose."""
LOOK_BACK = 40
"""Characters before a label in which a denial of it stands."""
SAYS_SO = re.compile(
    r"\b(?:answer|label|category|class|intent|topic|sentiment|result|prediction|verdict|output|"
    r"antwort|kategorie|klasse|réponse|respuesta)\b",
    re.IGNORECASE,
)
DENIED = re.compile(
    r"(?:\b(?:not|no|nor|never|neither|without|rather than|instead of|nicht|kein\w*|pas|sin)"
    r"|n['’]t)"  # noqa: RUF001 - the apostrophe people write
    r"(?:\s+(?:an?|the|about|as|be))*\s*[\"'`*]*$"
)


def label_list(text: str) -> tuple[str, ...]:
    """Labels from 'a, b' or a JSON list; raises ValueError when two read alike or none is there."""
    if text.lstrip().startswith("["):
        found = _json_list(text)
    else:
        found = [part.strip() for part in text.split(",") if part.strip()]
    bare = [label_normalised(label) for label in found]
    if not all(bare) or not bare:
        msg = "it holds no label, or an empty one"
        raise ValueError(msg)
    twice = sorted({label for label in bare if bare.count(label) > 1})
    if twice:
        msg = f"two labels read alike after normalising, '{twice[0]}'"
        raise ValueError(msg)
    return tuple(found)


def _json_list(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        msg = "it looks like a JSON list and is none of texts"
        raise ValueError(msg)
    return found


def given_label(answer: str, target: str, labels: Sequence[str] = ()) -> str | None:
    """The label that an answer gives, in its bare form; None where it gives none without doubt.

    In order: the whole answer; what follows 'is', ':' or '=' where such lines agree; with
    known labels, the only one that occurs and is not denied ('not spam'). Without known labels
    any other one-line answer is its own label.
    """
    wanted, whole = label_normalised(target), label_normalised(answer)
    known = _bare(tuple(labels))
    if whole == wanted or whole in known:
        return whole
    marked = _marked(answer)
    if marked is not None and (marked == wanted or marked in known):
        return marked
    if known:
        return _mentioned(whole, known | {wanted})
    if marked is not None:
        return marked
    return whole if whole and len(answer.split("\n")) == 1 else None


@lru_cache(maxsize=32)
def _bare(labels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(label_normalised, labels))


def _marked(answer: str) -> str | None:
    """What follows 'is' or a colon, where every line that has such a mark says the same.

    Lines that say what they give (Answer: ..., the intent is ...) go before the others.
    """
    lines = (" ".join(line.split()) for line in answer.splitlines())
    matches = [m for line in lines if len(line) <= LONGEST_LINE and (m := MARKED.match(line))]
    saying = [match for match in matches if SAYS_SO.search(match.string[: match.start("label")])]
    found = {label_normalised(match["label"]) for match in saying or matches}
    return found.pop() if len(found) == 1 else None


def _without_idle_no(answer: str, known: frozenset[str]) -> str:
    """The answer without a 'no' before a noun, where it starts by a label: 'yes, no problem'."""
    starts = LEADING.match(answer)
    if starts is None or starts["label"] not in known or "no" not in known:
        return answer
    return answer[: starts.end()] + IDLE_NO.sub("", answer[starts.end() :])


def _mentioned(answer: str, known: frozenset[str]) -> str | None:
    """The one known label that occurs; a longer label hides a shorter one that is part of it."""
    found = set()
    rest = _without_idle_no(answer, known)
    for label in sorted(filter(None, known), key=len, reverse=True):
        if not stands_in(label, rest):
            continue
        pattern = re.compile(rf"(?<!\w){re.escape(label)}(?!\w)")
        matches = list(pattern.finditer(rest))
        before = (rest[max(0, match.start() - LOOK_BACK) : match.start()] for match in matches)
        if any(map(DENIED.search, before)):
            return None
        found.add(label)
        rest = pattern.sub(" \x00 ", rest)
    return found.pop() if len(found) == 1 else None
