"""Pieces of a text that could be its answer, and what there is to see of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

TOKEN = re.compile(r"\w+(?:[.,:'\u2019/@_-]\w+)*|[^\w\s]")
"""A word, a number, a date, an address or a code as a whole; else a single sign."""
SENTENCE = re.compile(r"\S(?:.*?[.!?](?=\s|$)|.*?$)", re.MULTILINE)
LONGEST_WORD = 24
EDGE = 3
"""Distances from a text's beginning and end that are told apart."""

Span = tuple[int, int]


class Candidate(NamedTuple):
    """A piece of a text with its features."""

    span: Span
    features: tuple[str, ...]


def tokens(text: str) -> list[Span]:
    """Where the words and signs of a text stand."""
    return [found.span() for found in TOKEN.finditer(text)]


def sentences(text: str) -> list[Span]:
    """Where the sentences and lines of a text stand."""
    return [(found.start(), found.end()) for found in SENTENCE.finditer(text)]


def shape(text: str) -> str:
    """The kinds of characters in their order: 'X17971' gives 'A99999'; other signs stay."""
    return "".join(_kind(character) for character in text)


def outline(text: str) -> str:
    """The shape without its lengths: 'X17971' gives 'A9', 'Anna Smith' gives 'Aa Aa'."""
    return "".join(kind for kind, _ in groupby(shape(text)))


def word_spans(text: str, longest: int) -> Iterator[Candidate]:
    """Every run of up to `longest` words and signs: its form, its place and what stands around."""
    places = tokens(text)
    words = [text[start:end].casefold()[:LONGEST_WORD] for start, end in places]
    seen: Counter[str] = Counter()
    for first, (start, _) in enumerate(places):
        before = (["<start>", "<start>", *words[:first]])[-2:]
        for last in range(first, min(first + longest, len(places))):
            end = places[last][1]
            after = ([*words[last + 1 : last + 3], "<end>", "<end>"])[:2]
            form = outline(text[start:end])
            seen[form] += 1
            yield Candidate(
                (start, end),
                (
                    f"shape {shape(text[start:end])[:LONGEST_WORD]}",
                    f"outline {form[:LONGEST_WORD]}",
                    f"words {last - first + 1}",
                    f"before {before[1]}",
                    f"twice before {before[0]} {before[1]}",
                    f"after {after[0]}",
                    f"twice after {after[0]} {after[1]}",
                    f"place {_place(first, len(places))}",
                    f"nth {min(seen[form], EDGE)}",
                ),
            )


def whole_sentences(text: str) -> Iterator[Candidate]:
    """Every sentence: its place, its length and its words."""
    places = sentences(text)
    for number, (start, end) in enumerate(places):
        words = [text[a + start : b + start].casefold() for a, b in tokens(text[start:end])]
        yield Candidate(
            (start, end),
            (
                f"place {_place(number, len(places))}",
                f"length {len(words).bit_length()}",
                f"first {words[0] if words else ''}",
                f"ends {text[end - 1]}",
                *sorted({f"word {word[:LONGEST_WORD]}" for word in words}),
            ),
        )


def _kind(character: str) -> str:
    if character.isdigit():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character


def _place(number: int, total: int) -> str:
    """Counted from the beginning or from the end where it is near one of them."""
    if number < EDGE:
        return str(number)
    left = total - 1 - number
    return str(-1 - left) if left < EDGE else "between"


def found_in(text: str, target: str) -> Span | None:
    """Where an answer stands in a text for the first time, as whole words; None where it does not.

    Case counts unless the answer is found only without it.
    """
    wanted = re.escape(target.strip())
    if not wanted:
        return None
    whole = rf"(?<!\w){wanted}(?!\w)"
    found = re.search(whole, text) or re.search(whole, text, re.IGNORECASE)
    return found.span() if found else None


def usual(lengths: Sequence[int], share: float) -> int:
    """The length that this share of the lengths does not exceed."""
    ordered = sorted(lengths)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
