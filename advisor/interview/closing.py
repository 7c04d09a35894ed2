"""How an interview ends: the exact next command, and what an edited answer changed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from advisor.interview.language import Language
from advisor.rulebook.conditions import stated_facts
from advisor.rulebook.ordering import TUNING
from advisor.schema.decide import Decision
from advisor.schema.facts import Fact
from advisor.schema.profile import Profile
from advisor.schema.rule import Approach, Rulebook

DATA = "SAMPLES.jsonl"
DOCUMENTS = "DOCUMENTS"
ROW = '{"prompt": "...", "completion": "..."}'
"""What a row of samples looks like."""
FEWEST = 30
"""Below this many samples nothing can be measured."""
BASICS = ("task.kind", "data.labelled_samples", "knowledge.in_documents")
"""Facts that advice rests on; one of them is missing where nothing can be advised."""
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
    mapping: str = ""
    """Fields of the data by hand, as `--map` takes them."""


@dataclass(frozen=True)
class NextCommand:
    """A command to paste, and the words in it that the user has to put a real name for."""

    words: tuple[str, ...]
    blanks: tuple[str, ...] = ()
    needs_rows: bool = False
    """Whether there are too few samples to measure with."""

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(self.words)


@dataclass(frozen=True)
class LeftOpen:
    """Facts without an answer at the end, the most decisive first."""

    deciding: tuple[Fact, ...]
    """Nobody knew them, and an answer could change the advice."""
    unknown: tuple[Fact, ...]
    """Nobody knew them; by what the rules see, an answer would change nothing."""
    not_asked: tuple[Fact, ...]
    """They were not asked, and an answer could change the advice."""


def left_open(decision: Decision, profile: Profile, rulebook: Rulebook) -> LeftOpen:
    """What was not answered; a question that makes no sense after another answer is left out.

    Where nothing can be advised, what is asked first of all comes first.
    """
    facts = {fact.id: fact for fact in rulebook.vocabulary}
    stated = stated_facts(profile)
    could = [
        facts[question.fact]
        for question in decision.open_questions
        if question.could_change and stated.get(facts[question.fact].follows) is not False
    ]
    if decision.recommended is None:
        could.sort(key=lambda fact: fact.ask != "first")
    deciding = tuple(fact for fact in could if fact.id in profile.unknown)
    return LeftOpen(
        deciding=deciding,
        unknown=tuple(facts[n] for n in profile.unknown if facts[n] not in deciding),
        not_asked=tuple(fact for fact in could if fact.id not in profile.unknown),
    )


def next_command(decision: Decision, profile: Profile, inputs: Inputs) -> NextCommand:
    """The command that leads on from the advice, complete with every file the interview knows.

    Before anything is measured, the baselines, whatever is advised; without data its place is left
    blank. Once they are measured and tuning is still advised: its price. Nothing can be advised:
    the interview again, at a fact that advice rests on. Nothing is to be done: the reasons.
    """
    if decision.recommended is None:
        return NextCommand(_asking(decision, profile, inputs))
    if decision.recommended == "none" and inputs.answers is not None:
        reasons = ("advisor", "decide", "--profile", str(inputs.answers), "-v")
        return NextCommand((*reasons, *_option("--policy", inputs.policy)))
    if decision.recommended in TUNING and profile.measured.best_score is not None:
        return NextCommand(_estimate(decision, profile, inputs))
    blanks = () if inputs.data else (DATA,)
    documents = inputs.docs
    if documents is None and decision.recommended in RETRIEVES:
        documents = Path(DOCUMENTS)
        blanks = (*blanks, DOCUMENTS)
    words = (
        "advisor",
        "baseline",
        *_option("--data", inputs.data or DATA),
        *_option("--map", inputs.mapping or None),
        *_option("--docs", documents),
        *_option("--answers", inputs.answers),
        *_option("--model", inputs.model),
        *_option("--policy", inputs.policy),
    )
    samples = profile.data.labelled_samples
    return NextCommand(words, blanks, needs_rows=samples is not None and samples < FEWEST)


def _asking(decision: Decision, profile: Profile, inputs: Inputs) -> tuple[str, ...]:
    """The interview that goes on: with what was not asked yet, else with an answer to change."""
    policy = _option("--policy", inputs.policy)
    words = ("advisor", "interview", *_option("--answers", inputs.answers), *policy)
    if inputs.answers is None:
        return words
    stated = stated_facts(profile)
    asked = [question.fact for question in decision.open_questions if question.could_change]
    missing = [fact for fact in BASICS if fact not in stated] or asked
    if not missing or any(fact not in profile.unknown for fact in missing):
        return words
    return (*words, "--edit", missing[0])


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
