"""What must hold for every profile there is."""

import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.errors import RuleConflictError
from advisor.interview.next_question import open_facts
from advisor.resources import rules_root
from advisor.rulebook.atoms import Atoms, Watched
from advisor.rulebook.compiled import compiled
from advisor.rulebook.conditions import comparisons, facts_of, holds, outcome
from advisor.rulebook.derived import with_derived
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_rulebook
from advisor.rulebook.ordering import COST_ORDER, advised, order
from advisor.rulebook.questions import decisive_facts
from advisor.rulebook.trials import Trials
from advisor.schema.rule import Action, Approach, Condition, Rule, Rulebook
from tests.fixtures.profiles import profiles, with_facts

BOOK = load_rulebook(rules_root())
APPROACHES = typing.get_args(Approach)
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


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
        assert ranked.score == pytest.approx(told, abs=1e-5)
        assert decision.close_call == (len(decision.near_ties) > 1)
        if BOOK.acceptance is not None:
            assert (ranked.probability_acceptable == 0.0) == ranked.forbidden
        assert not ranked.forbidden or any(r.effect == "forbid" for r in ranked.reasons)


@quick
@given(profiles())
def test_what_would_change_it_does_change_it(profile):
    decision = rank(profile, BOOK)
    facts = facts_of(profile)
    vocabulary = {fact.id: fact for fact in BOOK.vocabulary}
    assert len(decision.what_would_change_it) <= 12
    places = [
        (bool(flip.together_with), vocabulary[flip.fact].flips == "last")
        for flip in decision.what_would_change_it
    ]
    assert places == sorted(places)
    assert "task.kind" not in {flip.fact for flip in decision.what_would_change_it}
    alone = {(f.fact, f.then) for f in decision.what_would_change_it if not f.together_with}
    for flip in decision.what_would_change_it:
        changes = [flip, flip.together_with] if flip.together_with else [flip]
        for change in changes:
            assert facts[change.fact] == change.from_value != change.to_value
            assert not vocabulary[change.fact].derived_from
            assert vocabulary[change.fact].measured_by != "machine"
            if flip.together_with:
                assert (change.fact, flip.then) not in alone
        changed = with_facts(profile, {change.fact: change.to_value for change in changes})
        assert rank(changed, BOOK).recommended == flip.then != decision.recommended
        if flip.together_with:
            for change in changes:
                one = with_facts(profile, {change.fact: change.to_value})
                assert advised(facts_of(one), BOOK) == decision.recommended


@quick
@given(profiles())
def test_an_open_question_leads_where_it_says(profile):
    facts = facts_of(profile)
    decision = rank(profile, BOOK)
    for question in decision.open_questions:
        assert question.fact not in facts
        assert question.question
        assert decision.recommended not in question.outcomes
        assert question.could_change or not question.outcomes
    could = [q.could_change for q in decision.open_questions]
    assert could == sorted(could, reverse=True)


@quick
@given(
    profiles(), st.sets(st.sampled_from([f.id for f in BOOK.vocabulary if f.question]), max_size=4)
)
def test_decision_and_interview_agree_on_what_could_change_the_advice(profile, not_known):
    facts = facts_of(profile)
    follows = {fact.id: fact.follows for fact in BOOK.vocabulary}
    told = profile.model_copy(update={"unknown": tuple(not_known - facts.keys())})
    decision = rank(told, BOOK)
    shown = {q.fact for q in decision.open_questions if q.could_change and not q.told_unknown}
    trials = Trials(facts, BOOK, nobody_knows=told.unknown)
    decisive = decisive_facts(trials, decision.recommended).keys() - told.unknown
    assert shown == {f for f in decisive if not follows[f] or facts.get(follows[f]) is True}
    asked = {fact.id for fact in open_facts(told, BOOK) if not fact.ask}
    assert asked - shown <= {f for f in asked if follows[f] and follows[f] not in facts}
    for question in decision.open_questions:
        assert question.told_unknown == (question.fact in told.unknown)
        assert not follows[question.fact] or facts[follows[question.fact]] is True
    assert set(decision.hangs_on) <= {q.fact for q in decision.open_questions if q.could_change}


@quick
@given(profiles(), st.randoms(use_true_random=False))
def test_trials_agree_with_the_rules_read_anew(profile, dice):
    facts = facts_of(profile)
    trials = Trials(facts, BOOK)
    for _ in range(10):
        picked = dice.sample(sorted(trials.values), 3)
        stated = [name for name in picked if not trials.vocabulary[name].derived_from]
        change = {name: dice.choice(trials.values[name]) for name in stated}
        try:
            expected = advised(with_derived({**facts, **change}), BOOK)
        except RuleConflictError:
            expected = "clash"
        assert trials.advised(change, "clash") == expected


@quick
@given(profiles())
def test_facts_outside_decision_rules_do_not_matter(profile):
    named = {p.fact for r in BOOK.rules if r.kind == "decision" for p in comparisons(r.when)}
    facts = facts_of(profile)
    relevant = {fact: value for fact, value in facts.items() if fact in named}
    assert advised(relevant, BOOK) == advised(facts, BOOK)


@quick
@given(profiles())
def test_facts_outside_every_rule_do_not_matter_at_all(profile):
    named = {part.fact for rule in BOOK.rules for part in comparisons(rule.when)}
    named |= {base for fact in BOOK.vocabulary if fact.id in named for base in fact.derived_from}
    named |= {part.fact for band in BOOK.gains for part in comparisons(band.when)}
    read_beside = {
        "knowledge.documents",
        "data.train_samples",
        "measured.best_score",
        "measured.few_shot_score",
        "measured.rag_score",
        "measured.target_met",
    }
    idle = {f.id for f in BOOK.vocabulary if not f.derived_from} - named - read_beside
    assert idle
    bare, full = (rank(p, BOOK) for p in (with_facts(profile, dict.fromkeys(idle)), profile))
    handed = {"settings", "builders", "criteria", "methods"}
    assert bare.model_dump(exclude=handed) == full.model_dump(exclude=handed)


leaves = st.builds(
    Condition,
    fact=st.sampled_from(["a", "b", "c"]),
    op=st.sampled_from(["is", "is_not"]),
    value=st.booleans(),
) | st.builds(
    Condition,
    fact=st.sampled_from(["n", "m"]),
    op=st.sampled_from(["at_least", "at_most"]),
    value=st.integers(0, 3),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda name, parts: Condition(**{name: tuple(parts)}),
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)
known = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.booleans()) | st.dictionaries(
    st.sampled_from(["n", "m"]), st.integers(0, 3)
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(conditions, min_size=1, max_size=3), known, known)
def test_bits_come_out_as_the_condition_does(several, some, more):
    facts = some | more
    atoms = Atoms(several)
    for condition in several:
        plain = outcome(condition, facts)
        state = Watched(condition, atoms).state(atoms.known(facts))
        assert (state.holds, state.missing) == (plain.holds, plain.missing)


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


musts = st.builds(
    Action, effect=st.sampled_from(["require", "forbid"]), approach=st.sampled_from(APPROACHES)
)


@quick
@given(
    st.lists(actions | musts, min_size=1, max_size=12),
    st.floats(0.2, 2.0),
    st.floats(1.0, 3.0),
    st.sampled_from([None, 0.1, 1.7]),
)
def test_packed_sums_advise_as_the_order_does(given_actions, weak, moderate, tie):
    strengths = {"weak": weak, "moderate": moderate, "strong": 4.1}
    rules = made_up(given_actions)
    rulebook = Rulebook(
        rules=tuple(rules), facts=(), strengths=strengths, sources=(), digest="0", tie=tie
    )
    packed = compiled(rulebook).scores
    for firing in {0, 1, (1 << len(rules)) - 1, 0b101010101010 & ((1 << len(rules)) - 1)}:
        chosen = [rule for place, rule in enumerate(rules) if firing >> place & 1]
        try:
            expected = order(chosen, strengths, tie=tie).recommended
        except RuleConflictError:
            with pytest.raises(RuleConflictError):
                packed.advice(firing)
        else:
            assert packed.advice(firing) == expected


@quick
@given(st.lists(actions, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_rules_does_not_matter(given_actions, dice):
    strengths = {"weak": 0.1, "moderate": 0.3, "strong": 0.7}
    shuffled = made_up(given_actions)
    dice.shuffle(shuffled)
    assert order(shuffled, strengths) == order(made_up(given_actions), strengths)


@quick
@given(st.lists(actions, min_size=1, max_size=8), st.sampled_from([None, 0.5, 3.0]))
def test_ties_are_near_the_top_and_go_to_the_cheapest(given_actions, tie):
    strengths = {"weak": 1.0, "moderate": 2.0, "strong": 4.0}
    found = order(made_up(given_actions), strengths, tie=tie)
    width = 1.0 if tie is None else tie
    top = max(found.scores.values())
    assert found.near[0] == found.ranked[0]
    assert list(found.near) == [a for a in COST_ORDER if a in found.near]
    for approach, score in found.scores.items():
        assert (approach in found.near) == (top - score < width and (score > 0 or top <= 0))


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
