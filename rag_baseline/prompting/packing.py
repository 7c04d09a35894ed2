"""Which of the found passages a prompt shows: no text twice, and no more tokens than there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from advisor.schema.evaluation import Hit, Passage
from rag_baseline.passage_text import searched_text

ALIKE = 0.9
"""Share of words in common, of all in either, from which two passages say the same."""
SEPARATION = 3
"""Tokens around a passage in the prompt: its number and the blank line."""
SPACE = ("", " ", "\n\n")
"""What is taken to lie between two passages, by how many characters do: passages leave out white
space alone."""
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])|\n+")  # noqa: RUF001

CountTokens = Callable[[str], int]
ShowText = Callable[[Passage], str]
"""A passage as the prompt shows it."""


def distinct(hits: Sequence[Hit], most: int) -> list[Hit]:
    """The first `most` hits that say what no better one does."""
    chosen: list[Hit] = []
    for hit in hits:
        if len(chosen) == most:
            break
        if not any(_says_the_same(hit.passage, other.passage) for other in chosen):
            chosen.append(hit)
    return chosen


def pack(
    hits: Sequence[Hit],
    *,
    most: int,
    budget: int | None,
    count: CountTokens,
    shown: ShowText = searched_text,
) -> list[Hit]:
    """At most `most` hits, best first, that together take no more than `budget` tokens.

    Overlapping and adjoining passages of a document become one, in the place of the better; one
    that says the same as a better one is left out. A passage that does not fit is passed over for
    the next that does. None is cut, unless the best alone is too long: then behind a sentence, and
    its headings go where they leave no room for one. What is `shown` over a text counts too.
    """
    chosen: list[Hit] = []
    for hit in hits:
        if any(_says_the_same(hit.passage, other.passage) for other in chosen):
            continue
        tried = _with(chosen, hit)
        if len(tried) > most:
            break
        if budget is None or _tokens(tried, count, shown) <= budget:
            chosen = tried
        elif not chosen:
            return _first_part(hit, budget, count, shown)
    return chosen


def widened(hit: Hit, neighbours: int, order: Mapping[str, Sequence[Passage]]) -> Hit:
    """The hit with so many passages before and behind it in its document, as one.

    `order` has the passages of each document as they follow each other.
    """
    row = order.get(hit.passage.document, ())
    at = next((place for place, one in enumerate(row) if one.id == hit.passage.id), None)
    if at is None or not neighbours:
        return hit
    passage = hit.passage
    for other in row[max(0, at - neighbours) : at + neighbours + 1]:
        passage = _joined(passage, other, most_between=len(SPACE) - 1) or passage
    return hit.model_copy(update={"passage": passage})


def _with(chosen: Sequence[Hit], hit: Hit) -> list[Hit]:
    """The chosen ones and this one; joined with one that it overlaps, which may reach another."""
    for at, other in enumerate(chosen):
        joined = _joined(other.passage, hit.passage)
        if joined is not None:
            some = [*chosen[:at], other.model_copy(update={"passage": joined})]
            for later in chosen[at + 1 :]:
                some = _with(some, later)
            return some
    return [*chosen, hit]


def _joined(one: Passage, other: Passage, *, most_between: int = 0) -> Passage | None:
    """Both as one passage under the first's id, where so little lies between them; else None."""
    first, second = sorted((one, other), key=lambda passage: (passage.start, passage.end))
    if one.document != other.document or first.heading != second.heading:
        return None
    if any(len(passage.text) != passage.end - passage.start for passage in (one, other)):
        return None
    gap = second.start - first.end
    if gap > most_between:
        return None
    if second.end <= first.end:
        text = first.text
    else:
        text = first.text + (second.text[-gap:] if gap <= 0 else SPACE[gap] + second.text)
    span = {"start": first.start, "end": max(first.end, second.end)}
    return one.model_copy(update={"text": text, **span})


def _says_the_same(one: Passage, other: Passage) -> bool:
    """Under the same headings the same text, or nearly: no number and no name with one differs."""
    if one.heading.casefold() != other.heading.casefold():
        return False
    if one.text == other.text:
        return True
    mine, theirs = _words(one.text), _words(other.text)
    if len(mine & theirs) < ALIKE * len(mine | theirs) or not mine:
        return False
    return not any(any(map(str.isdigit, word)) for word in mine ^ theirs)


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _tokens(hits: Sequence[Hit], count: CountTokens, shown: ShowText) -> int:
    return sum(count(shown(hit.passage)) + SEPARATION for hit in hits)


def _first_part(hit: Hit, budget: int, count: CountTokens, shown: ShowText) -> list[Hit]:
    """As many whole sentences of the hit as fit; words where the first sentence does not."""
    whole = hit.passage
    bare = whole.model_copy(update={"heading": ""})
    for seam in (_SENTENCE, re.compile(r"\s+")):
        ends = [match.start() for match in seam.finditer(whole.text) if match.start()]
        for passage in (whole, bare) if whole.heading else (whole,):
            parts = (
                passage.model_copy(update={"text": whole.text[:end], "end": whole.start + end})
                for end in reversed(ends)
            )
            for part in parts:
                if count(shown(part)) + SEPARATION <= budget:
                    return [hit.model_copy(update={"passage": part})]
    return []
