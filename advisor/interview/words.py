"""What typed words mean: an answer, a wish, or nothing that can be understood."""

from __future__ import annotations

import re
from math import isfinite

from pydantic import ValidationError

from advisor.errors import ProfileError
from advisor.interview.language import Language, number_key
from advisor.interview.question import Question, Taken, Wish
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Scalar

SCALES = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
SPACES = " _'\u00a0\u202f"
LIMITS = ("ge", "gt", "le", "lt")
OWN_SOURCES = frozenset({"", "asked", "corrected"})
"""Provenance of facts that a person stated."""


def understood(word: str, question: Question, language: Language) -> Taken | Wish:
    """The answer or wish that a typed word means; raises ProfileError when it means none.

    Nothing typed means "don't know", and in a change to leave the answer as it was.
    """
    said = word.strip()
    if not said:
        return Wish.BACK if question.now else Wish.UNKNOWN
    for wish in Wish:
        if said.lower() in language.words.get(wish.value, ()):
            return wish
    if said.isdecimal() and 1 <= int(said) <= len(question.options):
        return Taken(question.options[int(said) - 1].value)
    return Taken(answer_of(said, question.fact, language))


def answer_of(word: str, fact: Fact, language: Language) -> Scalar:
    """The value that a typed word means for this fact; raises ProfileError when it means none."""
    said = word.strip().lower()
    if fact.type == "bool":
        return _truth(said, language)
    if fact.type == "choice":
        return _choice(said, fact, language)
    if fact.type in {"int", "float"}:
        preset = _preset(said, fact, language)
        return _number(said, fact, language) if preset is None else preset
    return word.strip()


def with_answer(profile: Profile, fact: Fact, value: Scalar, language: Language) -> Profile:
    """The profile with one fact more; raises ProfileError when the value is out of range."""
    group, _, name = fact.id.partition(".")
    content = profile.model_dump()
    content[group][name] = value
    own = profile.provenance.get(fact.id, "") in OWN_SOURCES
    keeps = profile.provenance.get(fact.id) == "corrected"
    content["provenance"][fact.id] = "asked" if own and not keeps else "corrected"
    content["unknown"] = tuple(other for other in profile.unknown if other != fact.id)
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        told = _out_of_range(error, fact, value, language)
        raise ProfileError(told, hint=language.say("another_value")) from error


def without_answer(profile: Profile, fact: Fact) -> Profile:
    """The profile in which nobody knows this fact."""
    group, _, name = fact.id.partition(".")
    content = profile.model_dump()
    content[group][name] = None
    content["provenance"].pop(fact.id, None)
    content["unknown"] = tuple(dict.fromkeys((*profile.unknown, fact.id)))
    return Profile.model_validate(content)


def _out_of_range(error: ValidationError, fact: Fact, value: Scalar, language: Language) -> str:
    context = error.errors()[0].get("ctx", {})
    label = language.of(fact).label
    for limit in LIMITS:
        if limit in context:
            shown = language.number(context[limit])
            typed = language.number(value) if isinstance(value, int | float) else value
            return language.say(f"limit_{limit}", label=label, value=typed, limit=shown)
    return language.say("not_possible", label=label, value=value)


def _truth(said: str, language: Language) -> bool:
    for name, truth in (("yes", True), ("no", False)):
        if said in language.words.get(name, ()):
            return truth
    raise ProfileError(
        language.say("neither_yes_nor_no", word=said), hint=language.say("enter_means_unknown")
    )


def _choice(said: str, fact: Fact, language: Language) -> str:
    labels = [language.choice(fact, name) for name in fact.choices]
    name = said.replace(" ", "_").replace("-", "_")
    if name in fact.choices:
        return name
    for choice, label in zip(fact.choices, labels, strict=True):
        if label.lower() == said:
            return choice
    beginning = {
        choice
        for choice in fact.choices
        if choice.startswith(name) or language.choice(fact, choice).lower().startswith(said)
    }
    if len(beginning) == 1:
        return beginning.pop()
    raise ProfileError(
        language.say("none_of_the_choices", word=said),
        hint=language.say("choose_from", choices=", ".join(labels)),
    )


def _preset(said: str, fact: Fact, language: Language) -> int | float | None:
    """The value of the preset with this label."""
    labels = language.of(fact).presets
    for preset in fact.presets:
        if labels[number_key(preset.value)].lower() == said:
            return int(preset.value) if fact.type == "int" else preset.value
    return None


def _number(said: str, fact: Fact, language: Language) -> int | float:
    is_percent = said.endswith("%") and fact.unit == "share of 1"
    bare = said.removesuffix("%").strip() if is_percent else said
    scale = SCALES.get(bare[-1:], 1)
    number = _read_number(bare[:-1] if scale > 1 else bare, language) * scale
    if not isfinite(number):
        raise ProfileError(
            language.say("not_a_number", word=said), hint=language.say("number_wanted")
        )
    if is_percent:
        return number / 100
    if fact.type == "float":
        return number
    if int(number) != number:
        raise ProfileError(language.say("not_a_whole_number", word=said))
    return int(number)


def _read_number(digits: str, language: Language) -> float:
    """The number, thousands apart or not; a comma or point that parts no thousands is decimal."""
    for space in SPACES:
        digits = digits.replace(space, "")
    mark, point = re.escape(language.thousands), re.escape(language.decimal)
    if re.fullmatch(rf"[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d+)?", digits):
        digits = digits.replace(language.thousands, "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return float("nan")
