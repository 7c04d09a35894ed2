"""Published cases as a choice among approaches, with the rule effects that bear on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.rulebook.conditions import facts_of, holds
from advisor.rulebook.firing import fire
from advisor.rulebook.handover import hand_over
from advisor.rulebook.ordering import COST_ORDER, active_rules, weight_of
from advisor.schema.profile import Profile
from advisor.schema.rule import Action, Approach, Rule, Rulebook
from benchmarks.decisions.cases import APPROACH_OF, Case
from benchmarks.decisions.ranking import tuning_order

FEWEST_SOURCES = 2
"""Publications in which a rule must fire before its effects are weighed."""
MOST_REGRET = 30.0
"""Points of regret beyond which a mistake counts no more."""
Array: TypeAlias = NDArray[np.float64]
Key: TypeAlias = tuple[str, int]
"""A rule's id and the place of the effect in its `then`."""


@dataclass(frozen=True)
class Design:
    """Cases in both states of knowledge, as alternatives with the effects that bear on them."""

    keys: tuple[Key, ...]
    """The effects that are weighed, in the order of the last axis of `effects`."""
    effects: Array
    """+1 or -1 where an effect bears on an alternative: (scene, approach, effect)."""
    fixed: Array
    """Points of the effects that keep their words: (scene, approach)."""
    is_measured: NDArray[np.bool_]
    """(scene, approach): the case measured this approach."""
    is_acceptable: Array
    regret: Array
    """Points behind the best, 0 where none can be told."""
    weight: Array
    """Of a scene: its share of its publication's one vote, halved over the two states."""
    sources: NDArray[np.str_]
    """Publication of every scene."""

    def scores(self, points: Array) -> Array:
        """Sum of reasons per scene and approach, with these points for the weighed effects."""
        return np.asarray(self.fixed + self.effects @ points)

    def without(self, sources: set[str]) -> Design:
        """The scenes of all other publications; votes are shared among those that remain."""
        return self.where(~np.isin(self.sources, sorted(sources)))

    def where(self, keep: NDArray[np.bool_]) -> Design:
        """Some of the scenes."""
        return replace(
            self,
            effects=self.effects[keep],
            fixed=self.fixed[keep],
            is_measured=self.is_measured[keep],
            is_acceptable=self.is_acceptable[keep],
            regret=self.regret[keep],
            weight=self.weight[keep] / self.weight[keep].sum(),
            sources=self.sources[keep],
        )


def picks(scores: Array, is_measured: NDArray[np.bool_], tie: float) -> NDArray[np.int64]:
    """The approach that the ranking puts first among the measured ones, per scene.

    As `advisor.rulebook.ordering.order` ranks: the cheapest within `tie` of the best, then by
    score.
    """
    rows = np.arange(len(scores))
    top = scores.max(axis=1, keepdims=True)
    first = ((top - scores < tie - 1e-9) & ((scores > 0) | (top <= 0))).argmax(axis=1)
    place = -scores + 1e-6 * np.arange(scores.shape[1])
    place[rows, first] = -1e6
    return np.where(is_measured, place, 1e9).argmin(axis=1)


def make_design(rulebook: Rulebook, cases: Sequence[Case]) -> Design:
    """The cases as alternatives; the order inside fine-tuning is the rulebook's own."""
    rules = active_rules(rulebook, "decision")
    scenes = [(case, profile) for case in cases for profile in (case.profile, case.scored)]
    facts = [facts_of(profile) for _, profile in scenes]
    fires = np.array([[holds(rule.when, known) is True for rule in rules] for known in facts])
    keys = _weighed(rules, fires, [case.source for case, _ in scenes])
    shape = (len(scenes), len(COST_ORDER))
    effects = np.zeros((*shape, len(keys)))
    fixed = np.zeros(shape)
    places = {key: number for number, key in enumerate(keys)}
    for number, rule in enumerate(rules):
        for place, action in enumerate(rule.then):
            if action.approach is None or action.strength is None:
                continue
            column = COST_ORDER.index(action.approach)
            if (rule.id, place) in places:
                effects[fires[:, number], column, places[rule.id, place]] = _sign(action)
            else:
                fixed[fires[:, number], column] += weight_of(action, rulebook.strengths)
    measured, acceptable, regret = _outcomes(scenes, rulebook, shape)
    return Design(
        keys=keys,
        effects=effects,
        fixed=fixed,
        is_measured=measured,
        is_acceptable=acceptable,
        regret=regret,
        weight=_votes([case for case, _ in scenes]),
        sources=np.array([case.source for case, _ in scenes]),
    )


def _sign(action: Action) -> float:
    return 1.0 if action.effect == "favour" else -1.0


def _weighed(
    rules: Sequence[Rule], fires: NDArray[np.bool_], sources: Sequence[str]
) -> tuple[Key, ...]:
    """The effects of rules that are to be fitted and fire in enough publications."""
    names = np.array(sources)
    return tuple(
        (rule.id, place)
        for number, rule in enumerate(rules)
        if rule.basis == "fitted" and len(set(names[fires[:, number]])) >= FEWEST_SOURCES
        for place, action in enumerate(rule.then)
        if action.strength is not None
    )


def _outcomes(
    scenes: Sequence[tuple[Case, Profile]], rulebook: Rulebook, shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], Array, Array]:
    """Per scene and approach: measured, acceptable, regret in points."""
    measured: NDArray[np.bool_] = np.zeros(shape, dtype=np.bool_)
    acceptable, regret = np.zeros(shape), np.zeros(shape)
    for number, (case, profile) in enumerate(scenes):
        best = max(case.values.values())
        for approach, family in _first_families(case, profile, rulebook).items():
            column = COST_ORDER.index(approach)
            measured[number, column] = True
            acceptable[number, column] = family in case.acceptable
            if case.is_absolute:
                regret[number, column] = min(best - case.values[family], MOST_REGRET)
    return measured, acceptable, regret


def _first_families(case: Case, profile: Profile, rulebook: Rulebook) -> dict[Approach, str]:
    """For every approach that the case measured: the family that stands for it."""
    handed = hand_over(fire(rulebook, profile, "default"), (), facts_of(profile))
    order = (*tuning_order(handed.methods, handed.settings), *APPROACH_OF)
    found: dict[Approach, str] = {}
    for family in sorted(case.values, key=order.index):
        for approach in APPROACH_OF[family]:
            found.setdefault(approach, family)
    return found


def _votes(cases: Sequence[Case]) -> Array:
    """One vote per publication, split by the weight of its cases."""
    totals: dict[str, float] = {}
    for case in cases:
        totals[case.source] = totals.get(case.source, 0.0) + case.weight
    return np.array([case.weight / totals[case.source] for case in cases]) / len(totals)
