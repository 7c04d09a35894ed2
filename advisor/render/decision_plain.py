"""A decision line by line, for screen readers: headings and "name: value", no table, no frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.decision_words import (
    CHANCE_MEANING,
    GAIN_MEANING,
    SCORE_MEANING,
    builders_words,
    chance_words,
    first_two,
    forbidding_rules,
    gain_words,
    methods_words,
    outcomes_words,
    sides,
    standing,
    standing_sentences,
    weight_words,
)
from advisor.render.fact_words import flip_condition
from advisor.render.ranking import approaches_grid
from advisor.render.safe import safe_text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.decide import Decision, RankedApproach

MEANINGS = {"score": SCORE_MEANING, "chance": CHANCE_MEANING, "gain": GAIN_MEANING}


def decision_lines(decision: Decision) -> Iterator[str]:
    """The advice, why, what would change it, the order, and what comes next; nothing is folded."""
    advised = words(decision.recommended) if decision.recommended else "not enough is known"
    yield f"Advice: {advised}{' (a close call)' if decision.close_call else ''}"
    yield from (safe_text(sentence) for sentence in standing_sentences(decision))
    yield f"Next: {safe_text(decision.next_step)}"
    for ranked in first_two(decision):
        yield from _reasons(ranked)
    if decision.what_would_change_it:
        yield "What would change it:"
    for flip in decision.what_would_change_it:
        yield f"If {safe_text(flip_condition(flip))}: {words(flip.then)}"
    yield from _order(decision)
    questions = [question for question in decision.open_questions if question.could_change]
    if questions:
        yield "Answers that could change it:"
    for question in questions:
        yield f"{safe_text(question.question)} Could bring: {outcomes_words(question)}"
    onward = {"Measure": builders_words(decision), "Price": methods_words(decision)}
    yield from (f"{name}: {told}" for name, told in onward.items() if told)
    yield from (f"Warning: {safe_text(warning)}" for warning in decision.warnings)
    yield from (f"Your policy: {safe_text(note)}" for note in decision.policy)


def _reasons(ranked: RankedApproach) -> Iterator[str]:
    pro, con = sides(ranked)
    for side, reasons in (("For", pro), ("Against", con)):
        for reason in reasons:
            rule = f"{safe_text(reason.rule_id)}, {weight_words(reason)}"
            yield f"{side} {words(ranked.approach)}: {safe_text(reason.title)} ({rule})"


def _order(decision: Decision) -> Iterator[str]:
    """One line an approach with its figures, then what the figures mean, then what is ruled out."""
    shown = {row[0] for row in approaches_grid(decision).rows}
    open_ones = [r for r in decision.approaches if not r.forbidden and words(r.approach) in shown]
    if open_ones:
        yield "The order:"
    told: set[str] = set()
    for ranked in open_ones:
        figures = _figures(ranked)
        told |= figures.keys()
        parts = [f"{name} {value}" for name, value in figures.items()]
        yield f"{words(ranked.approach)}: {', '.join((*parts, standing(ranked, decision)))}"
    yield from (meaning for name, meaning in MEANINGS.items() if name in told)
    for ranked in decision.approaches:
        if ranked.forbidden:
            by = ", ".join(forbidding_rules(ranked))
            yield f"Never {words(ranked.approach)}: {by}"


def _figures(ranked: RankedApproach) -> dict[str, str]:
    """Score, and chance and gain where they are known."""
    figures = {"score": f"{ranked.score:+.3g}" if ranked.score else "0"}
    if ranked.probability_acceptable is not None:
        figures["chance"] = chance_words(ranked)
    if ranked.expected_gain is not None:
        figures["gain"] = gain_words(ranked.expected_gain)
    return figures
