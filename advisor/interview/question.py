"""A question as it is shown, and what came back for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from advisor.interview.language import Language
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach, Scalar


class Wish(Enum):
    """What somebody wants instead of giving an answer."""

    UNKNOWN = "unknown"
    BACK = "back"
    WHY = "why"
    REVIEW = "review"
    STOP = "stop"


@dataclass(frozen=True)
class Taken:
    """An answer: the value of the fact."""

    value: Scalar


@dataclass(frozen=True)
class Option:
    """An answer that can be picked."""

    label: str
    value: Scalar


@dataclass(frozen=True)
class Question:
    """Everything a screen needs to ask for one fact."""

    fact: Fact
    number: int
    """Place in the conversation, from 1; 0 where an earlier answer is changed."""
    title: str
    why: str
    options: tuple[Option, ...]
    is_open: bool
    """Whether a value that is not among the options may be typed."""
    form: str
    """What is expected where a value is typed."""
    help: str = ""
    """What counts, where that is easily misunderstood."""
    now: str = ""
    """The present answer in words, where it is being changed."""

    @property
    def headline(self) -> str:
        """The question with its number."""
        return f"{self.number}. {self.title}" if self.number else self.title


def question_of(fact: Fact, language: Language, *, number: int = 1, now: str = "") -> Question:
    """The question for a fact in a language."""
    texts = language.of(fact)
    return Question(
        fact=fact,
        number=number,
        title=texts.question,
        why=texts.why,
        options=options_of(fact, language),
        is_open=fact.type not in {"bool", "choice"},
        form=_form(fact, language),
        help=texts.help,
        now=now,
    )


def options_of(fact: Fact, language: Language) -> tuple[Option, ...]:
    """The answers to pick from: yes and no, the choices, or the presets of a number."""
    if fact.type == "bool":
        return (Option(language.say("yes"), value=True), Option(language.say("no"), value=False))
    if fact.type == "choice":
        return tuple(Option(language.choice(fact, name), name) for name in fact.choices)
    return tuple(Option(language.value(fact, p.value), p.value) for p in fact.presets)


def _form(fact: Fact, language: Language) -> str:
    if fact.type not in {"int", "float"}:
        return language.say("form_text")
    if fact.unit == "share of 1":
        return language.say("form_share")
    return language.say("form_number", unit=language.units.get(fact.unit, fact.unit)).strip()


def reason_of(
    fact: Fact, language: Language, *, now: Approach | None, others: tuple[Approach, ...]
) -> str:
    """Why a question is asked: meaning, reason, what it could turn, and how it can be measured."""
    texts = language.of(fact)
    lines = [language.say("meaning_line", meaning=texts.meaning)]
    if texts.help:
        lines.append(texts.help)
    if texts.why:
        lines.append(language.say("why_line", why=texts.why))
    if others:
        key = "could_turn" if now else "could_lead"
        names = language.either([language.approach(name) for name in others])
        lines.append(language.say(key, now=language.approach(now), others=names))
    way = f"way_{fact.measured_by}"
    if way in language.texts:
        lines.append(language.say(way))
    return "\n".join(lines)
