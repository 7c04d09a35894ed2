"""A conversation that fills the profile: one question at a time, back and why on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from advisor.errors import ProfileError
from advisor.interview.next_question import next_question
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Rulebook, Scalar

DONT_KNOW = frozenset({"", "dk", "don't know", "dont know", "unknown", "skip"})
BACK = frozenset({"back", "b", "<"})
WHY = frozenset({"?", "why", "w", "help", "h"})
STOP = frozenset({"stop", "quit", "q", "done"})
YES = frozenset({"yes", "y", "true"})
NO = frozenset({"no", "n", "false"})


class Asker(Protocol):
    """Whoever puts the questions: a terminal, or a script in a test."""

    def ask(self, fact: Fact, *, number: int) -> str:
        """What was answered, as it was typed."""

    def tell(self, text: str) -> None:
        """Show a line."""


def _forget(_profile: Profile) -> None:
    """Nobody keeps the answers so far."""


def converse(
    asker: Asker,
    profile: Profile,
    rulebook: Rulebook,
    *,
    keep: Callable[[Profile], None] = _forget,
) -> Profile:
    """The profile with everything that was answered, once no question could change the advice.

    Nothing is asked that is known already. "Don't know" leaves the fact unknown, which is not no.
    `keep` is handed the profile whenever it changes, so that an interruption loses nothing.
    """
    steps: list[tuple[Profile, frozenset[str]]] = []
    skipped: frozenset[str] = frozenset()
    while (fact := next_question(profile, rulebook, skipped=skipped)) is not None:
        word = asker.ask(fact, number=len(steps) + 1).strip()
        said = word.lower()
        if said in STOP:
            break
        if said in WHY:
            asker.tell(f"{fact.meaning} {fact.why}".strip())
        elif said in BACK:
            if steps:
                profile, skipped = steps.pop()
                keep(profile)
            else:
                asker.tell("This is the first question.")
        elif said in DONT_KNOW:
            steps.append((profile, skipped))
            skipped = skipped | {fact.id}
        else:
            try:
                answered = with_answer(profile, fact, answer_of(word, fact))
            except ProfileError as error:
                asker.tell(f"{error.message} {error.hint}".strip())
            else:
                steps.append((profile, skipped))
                profile = answered
                keep(profile)
    return profile


def answer_of(word: str, fact: Fact) -> Scalar:
    """The value that a typed word means for this fact; raises ProfileError when it means none."""
    said = word.strip().lower()
    if fact.type == "bool":
        if said in YES | NO:
            return said in YES
        raise ProfileError(f"'{word}' is neither yes nor no.", hint="Enter alone means unknown.")
    if fact.type == "choice":
        return _choice(said, fact)
    if fact.type in {"int", "float"}:
        return _number(said, fact)
    return word.strip()


def with_answer(profile: Profile, fact: Fact, value: Scalar) -> Profile:
    """The profile with one fact more; raises ProfileError when the value is out of range."""
    group, _, name = fact.id.partition(".")
    content = profile.model_dump()
    content[group][name] = value
    content["provenance"][fact.id] = "asked"
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Input ")
        raise ProfileError(f"{fact.id}: {value} {reason}.") from error


def _choice(said: str, fact: Fact) -> str:
    if said.isdigit() and 1 <= int(said) <= len(fact.choices):
        return fact.choices[int(said) - 1]
    name = said.replace(" ", "_").replace("-", "_")
    if name in fact.choices:
        return name
    beginning = [choice for choice in fact.choices if name and choice.startswith(name)]
    if len(beginning) == 1:
        return beginning[0]
    raise ProfileError(
        f"'{said}' is none of the choices.", hint=f"Choose from {', '.join(fact.choices)}."
    )


def _number(said: str, fact: Fact) -> int | float:
    scale = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}.get(said[-1:], 1)
    digits = said[:-1] if scale > 1 else said
    try:
        number = float(digits.replace(",", "").replace("_", "")) * scale
        whole = int(number)
    except (ValueError, OverflowError):
        raise ProfileError(
            f"'{said}' is not a number.", hint=f"A number of {fact.unit or 'units'} is expected."
        ) from None
    if fact.type == "float":
        return number
    if whole != number:
        raise ProfileError(f"'{said}' is not a whole number.")
    return whole
