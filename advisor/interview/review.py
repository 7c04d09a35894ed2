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
    """The answer in words; the question where there is none yet."""
    source: str
    """Where the answer comes from; the fact's id, for whoever searches, where there is none yet."""

    @property
    def text(self) -> str:
        """The line as it is shown."""
        return f"{self.label}: {self.value} ({self.source})"


@dataclass(frozen=True)
class Review:
    """Every answer that can be changed, every fact that can be added, and what is still open."""

    lines: tuple[Line, ...]
    left: int
    """How many questions would be asked next."""
    others: tuple[Line, ...] = ()
    """Facts that were neither asked nor measured, with their questions."""


def review_of(profile: Profile, rulebook: Rulebook, language: Language, *, left: int) -> Review:
    """The review of a profile: answers and "don't know", then what else could be said.

    Both in the order of the vocabulary.
    """
    stated = stated_facts(profile)
    lines: list[Line] = []
    others: list[Line] = []
    for fact in rulebook.vocabulary:
        if not fact.question:
            continue
        if fact.id in stated or fact.id in profile.unknown:
            lines.append(line_of(fact, stated.get(fact.id), profile, language))
        else:
            texts = language.of(fact)
            others.append(Line(fact, texts.label, texts.question, fact.id))
    return Review(lines=tuple(lines), left=left, others=tuple(others))


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


def asks_for_more(word: str, language: Language) -> bool:
    """Whether a typed word asks for the facts that have no answer yet."""
    return word.strip().lower() in language.words.get("add", ())


def picked(word: str, review: Review, language: Language, *, in_full: bool = False) -> str | Wish:
    """Id of the fact to answer, STOP to accept, BACK to leave, WHY for what can be done here.

    A number of the list, a fact's id or its label is understood; nothing typed accepts. `in_full`:
    the numbers go on through the facts without an answer. Raises ProfileError for anything else.
    """
    said = word.strip().lower()
    if said in language.words.get("leave", ()):
        return Wish.BACK
    for wish in (Wish.STOP, Wish.BACK, Wish.WHY):
        if said in language.words.get(wish.value, ()):
            return wish
    if not said or said in language.words.get("accept", ()):
        return Wish.STOP
    if said in language.words.get("go_on", ()) and review.left:
        return Wish.UNKNOWN
    numbered = (*review.lines, *review.others) if in_full else review.lines
    if said.isdecimal() and 1 <= int(said) <= len(numbered):
        return numbered[int(said) - 1].fact.id
    names = {name.lower(): fact for fact, name in _names(review)}
    if said in names:
        return names[said]
    raise ProfileError(language.say("no_such_line", word=word.strip()) + suggestion(said, names))


def _names(review: Review) -> Iterator[tuple[str, str]]:
    for line in (*review.lines, *review.others):
        yield line.fact.id, line.fact.id
        yield line.fact.id, line.fact.id.partition(".")[2]
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
