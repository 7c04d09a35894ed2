"""Facts move the shipped advice in the right direction, whatever else is known."""

from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.errors import RuleConflictError
from advisor.rulebook.conditions import facts_named, holds, stated_facts
from advisor.rulebook.derived import bases_of, fed_by, with_derived
from advisor.rulebook.engine import rank
from advisor.rulebook.ordering import TUNING, active_rules, advised, weight_of
from tests.fixtures.profiles import BOOK, FACTS, TRIALS, profiles, random_profiles, values
from tests.rules.directions import DIRECTIONS, NO, TUNED, YES

RULES = active_rules(BOOK, "decision")
SOME = [
    stated_facts(profile)
    for seed, known in enumerate((0.1, 0.3, 0.5, 0.7, 0.9))
    for profile in random_profiles(12, seed=seed, known=known)
]
quick = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def naming(fact):
    """The decision rules that name a fact, or one that follows from it."""
    moved = {fact, *fed_by(fact)}
    return [rule for rule in RULES if moved & set(facts_named(rule.when))]


NAMING = {direction.fact: naming(direction.fact) for direction in DIRECTIONS}


def leads(direction, facts):
    """Points by which `up` leads `down` at every value; other rules add the same to each."""
    base = facts | direction.always
    return [
        sum(
            weight_of(action, BOOK.strengths) * direction.sign(action.approach)
            for rule in NAMING[direction.fact]
            if holds(rule.when, known)
            for action in rule.then
        )
        for value in direction.values
        for known in [with_derived(base | {direction.fact: value})]
    ]


@quick
@given(profiles())
def test_no_fact_moves_the_score_against_its_direction(profile):
    facts = stated_facts(profile)
    for direction in DIRECTIONS:
        found = leads(direction, facts)
        assert all(one <= other for one, other in pairwise(found)), f"{direction}: {found}"


@pytest.mark.parametrize("direction", DIRECTIONS, ids=str)
def test_a_decisive_fact_moves_score_and_advice(direction):
    for some in SOME:
        facts = some | direction.where | direction.always
        first, *_, last = leads(direction, facts)
        assert first < last, facts
        before, after = (
            advice(facts | {direction.fact: value})
            for value in (direction.values[0], direction.values[-1])
        )
        assert (before, after) != (direction.up, direction.down), facts


def advice(facts):
    return advised(with_derived(facts), BOOK)


def test_every_question_that_decides_has_a_direction():
    named = {base for rule in RULES for name in facts_named(rule.when) for base in bases_of(name)}
    asked = {fact.id for fact in FACTS if fact.question and fact.id in named}
    only_beside_others = {"task.kind", "knowledge.must_be_current"}
    assert asked - {direction.fact for direction in DIRECTIONS} == only_beside_others


IDLE = {
    "task.instruction": "Answer in verse.",
    "task.metric": "exact_match",
    "data.duplicate_share": 0.31,
    "data.majority_share": 0.41,
    "data.dev_samples": 77,
    "data.median_input_characters": 4321.0,
    "knowledge.documents": 12,
    "knowledge.document_formats": ".pdf, .html",
    "machine.cpu_cores": 96,
    "machine.memory_gib": 1024.0,
    "machine.disk_free_gb": 3.0,
    "machine.gpu": "H100",
    "measured.tuning_hours": 7.0,
}


@quick
@given(profiles(without=tuple(IDLE)), st.sampled_from(sorted(IDLE)))
def test_irrelevant_facts_do_not_move_the_advice(profile, fact):
    named = {base for rule in RULES for name in facts_named(rule.when) for base in bases_of(name)}
    assert named.isdisjoint(IDLE)
    plain = rank(profile, BOOK)
    group, name = fact.split(".")
    told = getattr(profile, group).model_copy(update={name: IDLE[fact]})
    other = rank(profile.model_copy(update={group: told, "name": "Another"}), BOOK)
    assert other.recommended == plain.recommended
    assert other.near_ties == plain.near_ties
    assert [order_of(r) for r in other.approaches] == [order_of(r) for r in plain.approaches]
    assert other.what_would_change_it == plain.what_would_change_it


def order_of(ranked):
    return ranked.approach, ranked.score, ranked.forbidden, ranked.probability_acceptable


@quick
@given(profiles(), st.data())
def test_whatever_no_decision_rule_names_is_irrelevant(profile, data):
    named = {base for rule in RULES for name in facts_named(rule.when) for base in bases_of(name)}
    facts = stated_facts(profile)
    fact = data.draw(st.sampled_from([fact for fact in FACTS if fact.id not in named]))
    assert advice(facts | {fact.id: data.draw(values(fact))}) == advice(facts)


def test_three_hundred_random_profiles_are_decided_without_contradiction():
    for known in (0.2, 0.5, 0.9):
        for profile in random_profiles(100, seed=300, known=known):
            decision = rank(profile, BOOK)
            assert decision.recommended is not None or "task.kind" not in stated_facts(profile)


def opposed():
    """Pairs of shipped rules of which one requires what the other forbids or does not want."""
    musts = [(r, a) for r in RULES for a in r.then if a.effect in {"require", "forbid"}]
    for (one, first), (other, second) in product(musts, musts):
        same = first.approach == second.approach
        effects = (first.effect, second.effect)
        if one.id < other.id and (
            (same and first.effect != second.effect)
            or (not same and effects == ("require", "require"))
        ):
            yield one, other


def test_no_two_shipped_rules_can_contradict_each_other():
    """Over every answer that could tell them apart: what one needs keeps the other silent."""
    pairs = list(opposed())
    assert len(pairs) > 10
    for one, other in pairs:
        names = sorted({*facts_named(one.when), *facts_named(other.when)})
        for answers in product(*(TRIALS[name] for name in names)):
            facts = dict(zip(names, answers, strict=True))
            assert not (holds(one.when, facts) and holds(other.when, facts)), (one.id, other.id)


def test_a_contradiction_would_name_both_rules():
    one, other = next(opposed())
    always = RULES[0].when.model_validate(
        {"none": [{"fact": "task.kind", "op": "is", "value": ""}]}
    )
    clash = tuple(rule.model_copy(update={"when": always}) for rule in (one, other))
    book = BOOK.model_copy(update={"rules": clash})
    profile = random_profiles(1, known=1.0)[0]
    with pytest.raises(RuleConflictError) as caught:
        rank(profile, book)
    assert one.id in caught.value.message
    assert other.id in caught.value.message


@pytest.mark.parametrize("facts", SOME[::3])
def test_neither_card_nor_money_forbids_to_tune(facts):
    broke = {"constraints.budget_usd": 0, "machine.gpus": 0, "model.parameters_billion": 7}
    assert advice(facts | broke) not in TUNED
    assert set(TUNED) == TUNING


@pytest.mark.parametrize("facts", SOME[::3])
def test_data_that_must_stay_makes_the_frontier_model_irrelevant(facts):
    local = facts | {"constraints.must_stay_local": YES}
    with_it, without = (advice(local | {"model.frontier_available": v}) for v in (YES, NO))
    assert with_it == without


@pytest.mark.parametrize("facts", SOME[::3])
def test_a_language_without_text_is_not_pretrained(facts):
    nothing = {"task.needs_new_language": YES, "data.unlabelled_tokens": 0}
    assert advice(facts | nothing) != "continued_pretraining"
