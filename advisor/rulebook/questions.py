"""Which unknown facts could still turn the advice, and which of them most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice, product
from operator import or_

from advisor.rulebook.expected import Expected
from advisor.rulebook.joint import witnesses
from advisor.rulebook.ordering import COST_ORDER
from advisor.rulebook.scores import places
from advisor.rulebook.trials import Trials
from advisor.schema.decide import OpenQuestion
from advisor.schema.facts import Fact
from advisor.schema.rule import Approach

MOST_COMBINATIONS = 128
MOST_MISSING = 5
LEAST = 1e-3
"""Points that a fact counts for at least which could turn the advice, so that it is asked."""


@dataclass
class Stake:
    """What hangs on one unknown fact."""

    outcomes: set[Approach | None] = field(default_factory=set)
    """What else some answer brings to the top, alone or with the other answers of one rule."""
    chance: float = 0.0
    """How often an answer alone turns the advice."""
    worth: float = 0.0
    """Points of score by which advice improves in the mean once the answer is known."""


def open_questions(trials: Trials, stakes: Mapping[str, Stake]) -> tuple[OpenQuestion, ...]:
    """Unknown facts that rules wanted and a person can answer, the most decisive first.

    What somebody could not tell comes after what may still be answered. A question that follows
    another waits until that was answered yes; what hangs on it counts for the other until then.
    """
    decisive = _decisiveness(stakes)
    wanted = {*trials.unknown(), *stakes}
    questions = [
        _question(trials, fact, stakes.get(fact.id))
        for fact in trials.compiled.questions
        if fact.id in wanted and (not fact.follows or trials.facts.get(fact.follows) is True)
    ]
    questions.sort(key=lambda q: (not q.could_change, q.told_unknown, -decisive.get(q.fact, 0.0)))
    return tuple(questions)


def _question(trials: Trials, fact: Fact, stake: Stake | None) -> OpenQuestion:
    told_unknown = fact.id in trials.told_unknown
    if stake is None and not told_unknown:
        return trials.compiled.idle_questions[fact.id]
    return OpenQuestion.model_construct(
        fact=fact.id,
        question=fact.question,
        could_change=stake is not None,
        outcomes=_in_order(stake.outcomes) if stake is not None else (),
        measured_by=fact.measured_by,
        told_unknown=told_unknown,
    )


def decisive_facts(trials: Trials, now: Approach | None) -> dict[str, float]:
    """Unknown facts whose answer could turn the advice, with how decisive each is.

    A fact counts when some value of it turns the advice, alone or together with answers to other
    unknown facts that somebody may know.
    """
    return _decisiveness(stakes_of(trials, now, deep=True))


def stakes_of(trials: Trials, now: Approach | None, *, deep: bool = False) -> dict[str, Stake]:
    """What hangs on every unknown fact that can be asked and whose answer could turn the advice.

    `deep`: where nothing else is left to ask, answers count too that turn it only together though
    no one rule waits for all of them.
    """
    stakes: dict[str, Stake] = {}
    asked = [
        fact
        for fact in trials.unknown()
        if fact in trials.compiled.asked and fact not in trials.idle
    ]
    for fact in asked:
        stake = _alone(trials, now, fact)
        if stake.outcomes:
            stakes[fact] = stake
    _join(trials, now, stakes)
    if deep and not stakes.keys() - trials.nobody_knows:
        for facts, then in witnesses(
            trials, now, [f for f in asked if f not in trials.nobody_knows]
        ):
            for fact in facts:
                stakes.setdefault(fact, Stake()).outcomes.add(then)
    if not stakes:
        return stakes
    expected = Expected(trials)
    for fact, stake in stakes.items():
        stake.worth = expected.worth(fact)
    _asked_before(trials, stakes)
    return stakes


def _asked_before(trials: Trials, stakes: dict[str, Stake]) -> None:
    """Count what hangs on a fact for the unknown one that must be asked before it, too."""
    for fact, follows in trials.compiled.follows:
        if fact in stakes and follows not in trials.facts:
            stake = stakes.setdefault(follows, Stake())
            stake.outcomes |= stakes[fact].outcomes
            stake.worth = max(stake.worth, stakes[fact].worth)


def _decisiveness(stakes: Mapping[str, Stake]) -> dict[str, float]:
    """Above nothing for every fact that could turn the advice; first what an answer is worth."""
    return {fact: stake.worth + (1 + stake.chance) * LEAST for fact, stake in stakes.items()}


def _alone(trials: Trials, now: Approach | None, fact: str) -> Stake:
    """What the answers of one fact turn the advice to, and how often."""
    stake = Stake()
    total = turned = 0.0
    touched = trials.live(trials.waiting(fact), fact)
    if not touched:
        return stake
    for cell, then in trials.advice_by_cell(fact, touched, now):
        total += cell.weight
        if then != now:
            turned += cell.weight
            stake.outcomes.add(then)
    stake.chance = turned / total if total else 0.0
    return stake


def _join(trials: Trials, now: Approach | None, stakes: dict[str, Stake]) -> None:
    """Add what the unknown facts of one rule turn together, where one of them alone does not."""
    tried: set[tuple[str, ...]] = set()
    askable = trials.compiled.asked - trials.nobody_knows
    for place in places(trials.open):
        missing = trials.wanted(place)
        if not 2 <= len(missing) <= MOST_MISSING or missing in tried:
            continue
        tried.add(missing)
        if not askable.issuperset(missing) or stakes.keys() >= set(missing):
            continue
        outcome = _together(trials, now, place, missing)
        for fact in missing if outcome != now else ():
            stakes.setdefault(fact, Stake()).outcomes.add(outcome)


def _together(
    trials: Trials, now: Approach | None, place: int, missing: Sequence[str]
) -> Approach | None:
    """What some answers to all of a rule's unknown facts turn the advice to, the rule firing."""
    touched = trials.live(trials.waiting(*missing), *missing)
    if not _could_turn(trials, now, touched):
        return now
    for known in islice(_answered(trials, place, missing, touched), MOST_COMBINATIONS):
        firing = trials.firing_after(known, touched)
        if firing >> place & 1:
            then = trials.advice_of(firing, now)
            if then != now:
                return then
    return now


def _could_turn(trials: Trials, now: Approach | None, waiting: int) -> bool:
    """Whether rules that wait for facts weigh enough to turn the advice, all told."""
    if waiting & trials.scores.musts:
        return True
    needs, fall = trials.needs(now)
    sways = trials.scores.sways(waiting, now, either_way=False)
    if any(sways[place] >= need for place, need in needs):
        return True
    return trials.scores.losses(waiting, now) >= fall


def _answered(trials: Trials, place: int, missing: Sequence[str], touched: int) -> Iterator[int]:
    """What is known after every set of answers that may still make a rule fire.

    Of answers that no touched rule tells apart one is enough.
    """
    if any(len(bases.intersection(missing)) > 1 for bases in trials.compiled.entangled[place]):
        for values in product(*(trials.answers(fact) for fact in missing)):
            yield trials.step(dict(zip(missing, values, strict=True)))[0]
        return
    tested = trials.compiled.decisions[place]
    mask = trials.compiled.mask_of_rules(touched)
    possible = [
        {
            known & mask: (cell.value, known)
            for cell, known in trials.tries(fact)
            if tested.state(known).holds is not False
        }.values()
        for fact in missing
    ]
    if not trials.compiled.following(missing):
        for chosen in product(*possible):
            yield reduce(or_, [known for _, known in chosen])
        return
    for chosen in product(*possible):
        yield trials.merged(dict(zip(missing, chosen, strict=True)))


def _in_order(outcomes: set[Approach | None]) -> tuple[Approach, ...]:
    return tuple(approach for approach in COST_ORDER if approach in outcomes)
