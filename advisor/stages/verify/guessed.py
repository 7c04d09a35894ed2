"""The tuned model against what is reached without reading the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from advisor.evaluation.compare import ValueOf, compare
from advisor.evaluation.detectable import PROOF_LEVEL
from advisor.evaluation.segments import FEWEST_TO_VETO
from advisor.evaluation.sentences import is_clear
from advisor.render.proof_words import guess_words
from advisor.schema.evaluation import Evaluation
from advisor.schema.verify import Guess, GuessKind


def held_against(
    guesses: Mapping[GuessKind, Evaluation], tuned: Evaluation, value_of: ValueOf | None
) -> tuple[Guess, ...]:
    """The guesses held against the tuned model, at the level at which the proof is read."""
    found = {
        what: compare(guess, tuned, level=PROOF_LEVEL, value_of=value_of)
        for what, guess in guesses.items()
    }
    return tuple(
        Guess(
            what=what,
            value=guesses[what].value,
            against=against.model_copy(update={"a": what}),
            is_beaten=against.interval.low > 0 and is_clear(against),
        )
        for what, against in found.items()
    )


def turned_by(guesses: Sequence[Guess]) -> tuple[Literal["discard", "inconclusive"], str] | None:
    """What becomes of a verdict where a guess is not beaten, and why; None where all are.

    Answers that fit their own samples no better than others show that nothing was learned of the
    task but its form, so they discard. A gain over the most frequent target that chance may explain
    leaves the question open, and so does a test part of fewer than 30 samples.
    """
    failed = [guess for guess in guesses if not guess.is_beaten]
    if not failed:
        return None
    is_closed = [guess for guess in failed if _is_closed(guess)]
    guess = (is_closed or failed)[0]
    told = "Its answers are not shown to hang on what was asked"
    if guess.what == "most_frequent_target":
        told = "It is not shown to tell one sample from another"
    return "discard" if is_closed else "inconclusive", f"{told}: {guess_words(guess)}."


def _is_closed(guess: Guess) -> bool:
    if guess.against.n < FEWEST_TO_VETO:
        return False
    return guess.what == "answers_to_other_samples" or guess.against.difference <= 0
