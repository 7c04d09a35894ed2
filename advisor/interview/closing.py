"""How an interview ends: the exact next command, and what an edited answer changed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from advisor.interview.language import Language
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.ordering import TUNING
from advisor.schema.decide import Decision
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Rulebook

DATA = "SAMPLES.jsonl"
DOCUMENTS = "DOCUMENTS"
RETRIEVES: frozenset[Approach] = frozenset({"rag", "rag_plus_fine_tuning", "long_context"})
SIZES = (0.5, 1, 3, 7, 8, 13, 14, 32, 70)
"""Sizes for which the catalog has a reference model, in billions of parameters."""


@dataclass(frozen=True)
class Inputs:
    """What the interview was given and where its answers lie."""

    answers: Path | None = None
    data: Path | None = None
    docs: Path | None = None
    model: str | None = None
    policy: Path | None = None


@dataclass(frozen=True)
class NextCommand:
    """A command to paste, and the words in it that the user has to put a real name for."""

    words: tuple[str, ...]
    blanks: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(self.words)


def next_command(decision: Decision, profile: Profile, inputs: Inputs) -> NextCommand:
    """The command that leads on from the advice, complete with every file the interview knows.

    With data: the whole journey where tuning is advised (`run` measures, asks the gate and trains
    only when it agrees), else the measurement of the prompts. Without data nothing can be
    measured: where tuning is advised its price can be had already; otherwise the data's place is
    left blank. Nothing is known: the interview again.
    """
    if decision.recommended is None:
        return NextCommand(("advisor", "interview", *_option("--answers", inputs.answers)))
    tunes = decision.recommended in TUNING
    if inputs.data is None and tunes:
        return NextCommand(_estimate(decision, profile, inputs))
    blanks = () if inputs.data else (DATA,)
    documents = inputs.docs
    if documents is None and decision.recommended in RETRIEVES:
        documents = Path(DOCUMENTS)
        blanks = (*blanks, DOCUMENTS)
    words = (
        "advisor",
        "run" if tunes else "baseline",
        *_option("--data", inputs.data or DATA),
        *_option("--docs", documents),
        *_option("--answers", inputs.answers),
        *_option("--model", inputs.model),
        *_option("--policy", inputs.policy),
    )
    return NextCommand(words, blanks)


def changes(before: Profile, after: Profile, rulebook: Rulebook, language: Language) -> list[str]:
    """A line for every answer that differs, old and new in words."""
    old, new = stated_facts(before), stated_facts(after)
    unknown = language.say("unknown")
    return [
        language.say(
            "changed_line",
            label=language.of(fact).label,
            old=language.value(fact, old[fact.id]) if fact.id in old else unknown,
            new=language.value(fact, new[fact.id]) if fact.id in new else unknown,
        )
        for fact in rulebook.vocabulary
        if old.get(fact.id) != new.get(fact.id)
    ]


def _option(name: str, value: Path | str | None) -> tuple[str, ...]:
    return () if value is None else (name, str(value))


def _estimate(decision: Decision, profile: Profile, inputs: Inputs) -> tuple[str, ...]:
    size = profile.model.parameters_billion
    nearest = min(SIZES, key=lambda known: abs(known - size)) if size else 8
    model = inputs.model or f"{nearest:g}b"
    words = ("advisor", "estimate", "--model", model)
    if inputs.answers is not None:  # the file hands over settings and limits too
        policy = _option("--policy", inputs.policy)
        return (*words, *_option("--answers", inputs.answers), *policy)
    return (*words, *(word for method in decision.methods for word in ("--method", method)))
