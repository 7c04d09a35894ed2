"""What must hold for every profile there is."""

import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.resources import rules_root
from advisor.rulebook.conditions import GROUPS, comparisons, facts_of, holds
from advisor.rulebook.counterfactual import values_worth_trying
from advisor.rulebook.derived import with_derived
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.rulebook.ordering import advised, order
from advisor.schema.profile import Profile
from advisor.schema.rule import Action, Approach, Condition, Rule

BOOK = load_rulebook(rules_root())
TRIALS = values_worth_trying(BOOK)
APPROACHES = typing.get_args(Approach)
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def values(fact):
    """Values on every side of every threshold, and others."""
    known = st.sampled_from(TRIALS[fact.id]) if TRIALS.get(fact.id) else st.nothing()
    if fact.type == "bool":
        return st.booleans()
    if fact.type == "choice":
        return st.sampled_from(fact.choices)
    if fact.type == "text":
        return known | st.sampled_from(["zero_shot", "few_shot", "rag", "something"])
    if fact.type == "int":
        return known | st.integers(1, 10**9)
    return known | st.floats(0.01, 1)


@st.composite
def profiles(draw):
    content = {group: {} for group in GROUPS}
    for fact in BOOK.vocabulary:
        if not fact.derived_from and draw(st.booleans()):
            group, _, name = fact.id.partition(".")
            content[group][name] = draw(values(fact))
    return Profile.model_validate(content)


@quick
@given(profiles())
def test_rank_never_fails_and_is_in_order(profile):
    decision = rank(profile, BOOK)
    allowed = [r for r in decision.approaches if not r.forbidden]
    assert [r.forbidden for r in decision.approaches] == sorted(
        r.forbidden for r in decision.approaches
    )
    rest = [r.score for r in allowed[1:]]
    assert rest == sorted(rest, reverse=True)
    assert len({r.approach for r in decision.approaches}) == len(decision.approaches)
    if decision.recommended is not None:
        assert decision.recommended == allowed[0].approach
        assert any(r.effect in {"favour", "require"} for r in allowed[0].reasons)
    for ranked in decision.approaches:
        told = sum(
            BOOK.strengths[r.strength] * (1 if r.effect == "favour" else -1)
            for r in ranked.reasons
            if r.effect in {"favour", "oppose"}
        )
        assert ranked.score == told


@quick
@given(profiles())
def test_what_would_change_it_does_change_it(profile):
    decision = rank(profile, BOOK)
    facts = facts_of(profile)
    for flip in decision.what_would_change_it:
        assert facts[flip.fact] == flip.from_value != flip.to_value
        changed = {flip.fact: flip.to_value}
        if flip.together_with is not None:
            other = flip.together_with
            assert facts[other.fact] == other.from_value != other.to_value
            changed[other.fact] = other.to_value
        assert advised(with_derived({**facts, **changed}), BOOK) == flip.then
        assert flip.then != decision.recommended


@quick
@given(profiles())
def test_facts_outside_decision_rules_do_not_matter(profile):
    named = {p.fact for r in BOOK.rules if r.kind == "decision" for p in comparisons(r.when)}
    facts = facts_of(profile)
    relevant = {fact: value for fact, value in facts.items() if fact in named}
    assert advised(relevant, BOOK) == advised(facts, BOOK)


@quick
@given(st.sampled_from(BOOK.rules), profiles())
def test_an_undetermined_rule_is_settled_by_its_missing_facts(rule, profile):
    """Unknown never equals no: when a rule is settled, more knowledge cannot unsettle it."""
    facts = facts_of(profile)
    settled = holds(rule.when, facts)
    for fact in list(facts):
        less = {name: value for name, value in facts.items() if name != fact}
        before = holds(rule.when, less)
        assert before is None or before == settled


def test_unknown_is_never_a_no():
    for rule in BOOK.rules:
        assert holds(rule.when, {}) is None


def made_up(actions):
    return [
        Rule(
            id=f"r{n}",
            title="t",
            kind="decision",
            since="2026-11-25",
            when=Condition(fact="task.kind", op="is", value="chat"),
            then=(action,),
            why="w",
            evidence="opinion",
        )
        for n, action in enumerate(actions)
    ]


actions = st.builds(
    Action,
    effect=st.sampled_from(["favour", "oppose"]),
    approach=st.sampled_from(APPROACHES),
    strength=st.sampled_from(["weak", "moderate", "strong"]),
)


@quick
@given(
    st.lists(actions, max_size=12),
    st.sampled_from(APPROACHES),
    st.sampled_from(["weak", "moderate", "strong"]),
    st.floats(1.0, 3.0),
)
def test_a_favour_more_never_lowers_the_rank(given_actions, approach, strength, moderate):
    strengths = {"weak": 1.0, "moderate": moderate, "strong": 4.0}
    favour = Action(effect="favour", approach=approach, strength=strength)
    before = order(made_up(given_actions), strengths).ranked.index(approach)
    after = order(made_up([*given_actions, favour]), strengths).ranked.index(approach)
    assert after <= before


@pytest.mark.parametrize("approach", APPROACHES)
def test_every_approach_but_none_can_be_advised(approach):
    if approach == "none":
        return
    speaks = [
        r.id
        for r in BOOK.rules
        for a in r.then
        if a.approach == approach and a.effect in {"favour", "require"}
    ]
    assert speaks, f"no rule speaks for {approach}"
