"""How much every effect of a rule weighs, found on published outcomes.

A rule's effect is weak, moderate or strong. Which of the three is found by a conditional logit:
the chance that an approach is advised grows with the sum of its reasons, every effect starts at
moderate and is drawn back to it, every publication has one vote, and what comes out is rounded to
the three words. Directions are never fitted: they are the rule's own claim. Only rules of basis
"fitted" are weighed, and only where they fire in at least two publications; the others keep the
word that stands in the file.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from advisor.schema.rule import Rule, Rulebook, Strength
from benchmarks.decisions.design import Array, Design, Key, picks

START = 2.0
"""Points of a moderate reason, where every effect starts."""
PULL = 0.03
"""How hard an effect is drawn back to its start (squared logits)."""
LOGITS_PER_POINT = 0.5
"""What one weak reason adds to the logit of being advised."""
REGRET_SHARE = 0.04
"""Weight of one expected point of regret beside the log loss of the acceptable choice."""
REGRET_OF_CHOICE = 0.02
"""Weight of one point of regret beside the share of acceptable choices, in comparing scales."""
SCALES = (1.0, 0.9, 0.8, 0.7, 1.15, 1.3, 1.5)
"""Points that count as one weak reason, tried before rounding; the first of equals is kept."""
ROUNDING: tuple[tuple[float, Strength], ...] = ((2**0.5, "weak"), (8**0.5, "moderate"))
"""Geometric middles between the words' points 1, 2 and 4."""
POINTS: dict[Strength, float] = {"weak": 1.0, "moderate": 2.0, "strong": 4.0}


def words_for(design: Design, tie: float) -> dict[Key, Strength]:
    """The word of every weighed effect."""
    raw = weigh(design)
    scaled = [raw / scale for scale in SCALES]
    rounded = [np.array([POINTS[word_of(value)] for value in points]) for points in scaled]
    best = max(range(len(SCALES)), key=lambda n: (round(worth(design, rounded[n], tie), 9), -n))
    return {key: word_of(value) for key, value in zip(design.keys, scaled[best], strict=True)}


def word_of(points: float) -> Strength:
    """The word whose points are nearest on a scale of ratios."""
    return next((word for most, word in ROUNDING if points < most), "strong")


def worth(design: Design, points: Array, tie: float) -> float:
    """Share of acceptable choices less a part of their regret, one vote per publication."""
    chosen = picks(design.scores(points), design.is_measured, tie)
    rows = np.arange(len(chosen))
    gained = design.is_acceptable[rows, chosen] - REGRET_OF_CHOICE * design.regret[rows, chosen]
    return float(design.weight @ gained)


def weigh(design: Design) -> Array:
    """Points of every weighed effect: the penalised optimum of the conditional logit."""
    start = np.full(len(design.keys), START)
    found = minimize(
        _loss,
        start,
        args=(design,),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(start),
    )
    return np.asarray(found.x, dtype=np.float64)


def _loss(points: Array, design: Design) -> tuple[float, Array]:
    """Weighted log loss and expected regret with the pull to the start, and its gradient."""
    logits = np.where(design.is_measured, LOGITS_PER_POINT * design.scores(points), -1e9)
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    share = raised / raised.sum(axis=1, keepdims=True)
    good = share * design.is_acceptable
    hit = np.maximum(good.sum(axis=1), 1e-12)
    expected = (share * design.regret).sum(axis=1)
    losses = -np.log(hit) + REGRET_SHARE * expected
    slope = share - good / hit[:, None]
    slope += REGRET_SHARE * share * (design.regret - expected[:, None])
    gradient = LOGITS_PER_POINT * np.einsum("s,sa,sak->k", design.weight, slope, design.effects)
    off = LOGITS_PER_POINT * (points - START)
    loss = float(design.weight @ losses) + PULL / 2 * float(off @ off)
    return loss, gradient + PULL * LOGITS_PER_POINT * off


def reworded(rulebook: Rulebook, words: dict[Key, Strength]) -> Rulebook:
    """The rulebook with other words for some effects."""
    return rulebook.model_copy(
        update={"rules": tuple(_reworded(rule, words) for rule in rulebook.rules)}
    )


def _reworded(rule: Rule, words: dict[Key, Strength]) -> Rule:
    then = tuple(
        action.model_copy(update={"strength": words[rule.id, place]})
        if (rule.id, place) in words
        else action
        for place, action in enumerate(rule.then)
    )
    return rule if then == rule.then else rule.model_copy(update={"then": then})
