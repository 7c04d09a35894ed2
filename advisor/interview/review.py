"""The answers laid out: what was measured, what was said, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from advisor.errors import ProfileError
from advisor.interview.language import Language
from advisor.interview.question import Wish
from advisor.interview.words import OWN_SOURCES
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.reading import suggestion
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook, Scalar

TOLD_FIRST = ("dataset", "suggested by dataset", "documents", "suggested by documents", "catalog")
"""Sources in the order in which they are told; the machine comes last."""


@dataclass(frozen=True)
class Line:
    """One answer of the review."""

    fact: Fact
    label: str
    value: str
    source: str

    @property
    def text(self) -> str:
        """The line as it is shown."""
        return f"{self.label}: {self.value} ({self.source})"


@dataclass(frozen=True)
class Review:
    """Every answer that can be changed, and how many questions could still matter."""

    lines: tuple[Line, ...]
    left: int


def review_of(profile: Profile, rulebook: Rulebook, language: Language, *, left: int) -> Review:
    """The review of a profile: answers and "don't know" in the order of the vocabulary."""
    stated = stated_facts(profile)
    lines = tuple(
        line_of(fact, stated.get(fact.id), profile, language)
        for fact in rulebook.vocabulary
        if fact.question and (fact.id in stated or fact.id in profile.unknown)
    )
    return Review(lines=lines, left=left)


def line_of(fact: Fact, value: Scalar | None, profile: Profile, language: Language) -> Line:
    """A fact's line in a list."""
    label = language.of(fact).label
    if value is None:
        return Line(fact, label, language.say("unknown"), language.source("unknown"))
    provenance = profile.provenance.get(fact.id) or "asked"
    return Line(fact, label, language.value(fact, value), language.source(provenance))


def measured_lines(
    profile: Profile, rulebook: Rulebook, language: Language, *, origins: Mapping[str, str]
) -> tuple[str, ...]:
    """What was measured, a line per source: told at the start, so that nobody wonders.

    `origins` names what each source was: dataset -> the file's name, and so on.
    """
    stated = stated_facts(profile)
    found: dict[str, list[str]] = {}
    for fact in rulebook.vocabulary:
        source = profile.provenance.get(fact.id, "")
        if source in OWN_SOURCES or fact.id not in stated or not _is_worth_telling(fact, language):
            continue
        shown = f"{language.of(fact).label}: {_told(fact, stated[fact.id], language)}"
        found.setdefault(source, []).append(shown)
    return tuple(
        language.say(
            "measured_line",
            source=language.source(source, origins.get(source, "")),
            facts="; ".join(facts),
        )
        for source, facts in sorted(found.items(), key=lambda item: _rank(item[0]))
    )


def _rank(source: str) -> int:
    return TOLD_FIRST.index(source) if source in TOLD_FIRST else len(TOLD_FIRST)


def _is_worth_telling(fact: Fact, language: Language) -> bool:
    """A fact that would be asked, or that the language has a name for."""
    texts = language.facts.get(fact.id)
    return bool(fact.question) or bool(texts and texts.label)


def _told(fact: Fact, value: Scalar, language: Language) -> str:
    """A measured value exactly, where the interview would name its preset."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return language.value(fact, value)
    return language.measure(fact, float(f"{value:.3g}") if isinstance(value, float) else value)


def picked(word: str, review: Review, language: Language) -> str | Wish:
    """Id of the fact to change, or STOP to accept; raises ProfileError for anything else.

    A number of the list, a fact's id or its label is understood; nothing typed accepts.
    """
    said = word.strip().lower()
    for wish in (Wish.STOP, Wish.BACK, Wish.REVIEW):
        if said in language.words.get(wish.value, ()):
            return wish
    if not said or said in language.words.get("accept", ()):
        return Wish.STOP
    if said in language.words.get("go_on", ()) and review.left:
        return Wish.UNKNOWN
    if said.isdecimal() and 1 <= int(said) <= len(review.lines):
        return review.lines[int(said) - 1].fact.id
    names = {name.lower(): fact for fact, name in _names(review)}
    if said in names:
        return names[said]
    raise ProfileError(language.say("no_such_line", word=word.strip()) + suggestion(said, names))


def _names(review: Review) -> Iterator[tuple[str, str]]:
    for line in review.lines:
        yield line.fact.id, line.fact.id
        yield line.fact.id, line.label


def fact_named(name: str, rulebook: Rulebook) -> Fact:
    """The fact with this id, or with this last part of it; raises ProfileError with a suggestion.

    Only facts that the interview can ask are found.
    """
    askable = {fact.id: fact for fact in rulebook.vocabulary if fact.question}
    short: dict[str, list[Fact]] = {}
    for fact in askable.values():
        short.setdefault(fact.id.partition(".")[2], []).append(fact)
    if name in askable:
        return askable[name]
    if len(short.get(name, ())) == 1:
        return short[name][0]
    if name in rulebook.facts:
        raise ProfileError(
            f"The fact '{name}' is measured or computed, so it cannot be answered.",
            hint="`advisor interview --edit` without a name lists what can be changed.",
        )
    near = suggestion(name, [*askable, *short])
    raise ProfileError(
        f"There is no fact '{name}'{near or '.'}",
        hint="`advisor interview --edit` without a name lists what can be changed.",
    )
