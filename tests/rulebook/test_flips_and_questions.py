"""What would change the advice, and which questions could."""

import pytest

from advisor.resources import rules_root
from advisor.rulebook.conditions import facts_of
from advisor.rulebook.engine import rank
from advisor.rulebook.load import load_facts
from advisor.rulebook.questions import decisive_facts
from advisor.rulebook.trials import Trials
from advisor.rulebook.values import can_change
from advisor.schema.profile import Profile
from tests.fixtures.rulebooks import (
    EACH,
    HOUSE,
    MANY,
    STRICT,
    STYLE,
    VOCABULARY,
    book,
    compare,
    fact,
    favour,
    forbid,
    oppose,
    require,
    rule,
)

USUAL = rule("usual", STYLE, favour("rag", "moderate"))


def profile(**facts):
    content = {"task": {"needs_style": True}}
    for name, value in facts.items():
        group, _, field = name.partition("__")
        content.setdefault(group, {})[field] = value
    return Profile.model_validate(content)


def flips(rulebook, **facts):
    found = []
    for flip in rank(profile(**facts), rulebook).what_would_change_it:
        changes = [(flip.fact, flip.to_value)]
        if flip.together_with:
            changes.append((flip.together_with.fact, flip.together_with.to_value))
        found.append((*changes, flip.then))
    return found


def questions(rulebook, **facts):
    return {q.fact: q for q in rank(profile(**facts), rulebook).open_questions}


def test_two_facts_together_where_neither_is_enough():
    rules = book(USUAL, rule("b", {"all": [HOUSE, STRICT]}, favour("fine_tuning")))
    assert flips(rules, output__house_format=False, output__strict_format=False) == [
        (("output.house_format", True), ("output.strict_format", True), "fine_tuning")
    ]
    assert flips(rules, output__house_format=True, output__strict_format=False) == [
        (("output.strict_format", True), "fine_tuning")
    ]
    assert flips(rules, output__house_format=False) == []


def test_two_rules_may_add_up():
    rules = book(
        USUAL,
        rule("b", HOUSE, favour("fine_tuning", "moderate")),
        rule("c", STRICT, favour("fine_tuning", "moderate")),
    )
    assert flips(rules, output__house_format=False, output__strict_format=False) == [
        (("output.house_format", True), ("output.strict_format", True), "fine_tuning")
    ]


def test_two_facts_may_lift_what_forbids_and_what_holds_down():
    rules = book(
        USUAL,
        rule("b", MANY, favour("fine_tuning")),
        rule("c", HOUSE, forbid("fine_tuning")),
        rule("d", STRICT, forbid("fine_tuning")),
    )
    given = {"output__house_format": True, "output__strict_format": True}
    assert (
        ("output.house_format", False),
        ("output.strict_format", False),
        "fine_tuning",
    ) in flips(rules, data__labelled_samples=500, **given)


def test_two_facts_may_lift_what_requires():
    rules = book(
        rule("a", STYLE, favour("fine_tuning")),
        rule("b", HOUSE, require("rag")),
        rule("c", STRICT, require("rag")),
    )
    given = {"output__house_format": True, "output__strict_format": True}
    assert flips(rules, **given) == [
        (("output.house_format", False), ("output.strict_format", False), "fine_tuning")
    ]


def test_what_leads_alone_needs_no_other_fact():
    rules = book(
        USUAL,
        rule("b", HOUSE, favour("fine_tuning")),
        rule("c", STRICT, favour("fine_tuning", "weak")),
    )
    given = {"output__house_format": False, "output__strict_format": False}
    assert flips(rules, **given) == [(("output.house_format", True), "fine_tuning")]


def test_the_smallest_change_comes_first():
    rules = book(
        USUAL,
        rule("b", MANY, favour("fine_tuning")),
        rule("c", HOUSE, favour("few_shot")),
        rule("d", compare("task.kind", "is", "code"), favour("prompting")),
    )
    given = {"output__house_format": False, "task__kind": "chat"}
    assert flips(rules, data__labelled_samples=99, **given) == [
        (("data.labelled_samples", 100), "fine_tuning"),
        (("output.house_format", True), "few_shot"),
        (("task.kind", "code"), "prompting"),
    ]
    assert flips(rules, data__labelled_samples=3, **given)[0] == (
        ("output.house_format", True),
        "few_shot",
    )


def test_only_what_somebody_can_answer_or_measure_again():
    rules = book(
        USUAL,
        rule("a", compare("machine.gpu_memory_gib", "at_least", 80.0), favour("fine_tuning")),
        rule("b", compare("measured.target_met", "is", True), favour("few_shot")),  # noqa: FBT003
    )
    assert flips(rules, machine__gpu_memory_gib=24.0, measured__target_met=False) == [
        (("measured.target_met", True), "few_shot")
    ]


def test_a_base_changes_what_follows_from_it():
    rules = book(USUAL, rule("b", EACH, favour("fine_tuning")))
    assert flips(rules, data__labelled_samples=490, data__classes=10) == [
        (("data.labelled_samples", 500), "fine_tuning"),
        (("data.classes", 9), "fine_tuning"),
    ]
    trials = Trials(facts_of(profile(data__labelled_samples=490, data__classes=10)), rules)
    assert trials.advised({"data.labelled_samples": 499}, None) == "rag"
    assert trials.advised({"data.labelled_samples": 500}, None) == "fine_tuning"
    assert trials.advised({"data.labelled_samples": 499, "data.classes": 9}, None) == "fine_tuning"


def test_a_derived_fact_is_asked_by_what_it_follows_from():
    rules = book(USUAL, rule("b", EACH, favour("fine_tuning")))
    both = questions(rules)
    assert set(both) == {"data.labelled_samples", "data.classes"}
    assert all(q.could_change and q.outcomes == ("fine_tuning",) for q in both.values())
    one = questions(rules, data__labelled_samples=490)
    assert set(one) == {"data.classes"}
    assert one["data.classes"].outcomes == ("fine_tuning",)


def test_a_question_says_what_it_leads_to_and_what_measures_it():
    score = compare("measured.prompted_score", "at_least", 0.9)
    low = compare("measured.prompted_score", "at_most", 0.5)
    rules = book(
        USUAL,
        rule("b", score, favour("prompting")),
        rule("c", low, favour("fine_tuning")),
        rule("d", HOUSE, favour("few_shot", "weak")),
    )
    asked = questions(rules)
    assert asked["measured.prompted_score"].outcomes == ("prompting", "fine_tuning")
    assert asked["measured.prompted_score"].measured_by == "baseline"
    assert list(asked) == ["measured.prompted_score", "output.house_format"]
    assert not asked["output.house_format"].could_change
    assert asked["output.house_format"].outcomes == ()


def test_what_needs_a_measurement_beside_it_cannot_change_anything_yet():
    met = compare("measured.target_met", "is", False)  # noqa: FBT003
    rules = book(USUAL, rule("b", {"all": [met, HOUSE]}, favour("fine_tuning")))
    assert not questions(rules)["output.house_format"].could_change
    after = questions(rules, measured__target_met=False)
    assert after["output.house_format"].could_change


def test_the_larger_stake_is_asked_first():
    rules = book(
        rule("a", STYLE, favour("rag", "weak")),
        rule("b", HOUSE, favour("fine_tuning", "moderate")),
        rule("c", STRICT, favour("few_shot"), favour("prompting")),
    )
    assert list(questions(rules)) == ["output.strict_format", "output.house_format"]
    stakes = decisive_facts(Trials(facts_of(profile()), rules), "rag")
    assert stakes["output.strict_format"] > stakes["output.house_format"] > 0


def three_small_reasons():
    usual = rule("a", STYLE, favour("rag", "moderate"))
    small = [
        rule(f"r{n}", when, favour("fine_tuning", "weak"))
        for n, when in enumerate((HOUSE, STRICT, MANY))
    ]
    return book(usual, *small, tie=0.5)


def test_what_three_answers_turn_only_together_is_asked_at_the_end():
    rules = three_small_reasons()
    trials = Trials(facts_of(profile()), rules)
    answers = {
        "output.house_format": True,
        "output.strict_format": True,
        "data.labelled_samples": 500,
    }
    assert trials.advised(answers, None) == "fine_tuning"
    asked = questions(rules)
    assert {name for name, q in asked.items() if q.could_change} == set(answers)
    assert all(q.outcomes == ("fine_tuning",) for q in asked.values())
    assert rank(profile(), rules).hangs_on == ()
    assert set(decisive_facts(trials, "rag")) == set(answers)


def test_what_nobody_can_answer_leaves_the_others_idle():
    rules = three_small_reasons()
    known = facts_of(profile())
    trials = Trials(known, rules, nobody_knows={"output.house_format"})
    assert decisive_facts(trials, "rag") == {}
    vocabulary = tuple(
        each.model_copy(update={"follows": "measured.target_met"})
        if each.id == "output.house_format"
        else each
        for each in VOCABULARY
    )
    follows = rules.model_copy(update={"vocabulary": vocabulary})
    assert decisive_facts(Trials(known, follows), "rag")
    idle = Trials(known | {"measured.target_met": False}, follows)
    assert decisive_facts(idle, "rag") == {}


def test_an_answer_that_makes_rules_clash_is_no_flip():
    rules = book(
        rule("a", STYLE, require("rag")),
        rule("b", HOUSE, forbid("rag"), favour("fine_tuning")),
    )
    assert flips(rules, output__house_format=False) == []
    assert not questions(rules)["output.house_format"].could_change


def changed(vocabulary, name, **updates):
    return tuple(
        each.model_copy(update=updates) if each.id == name else each for each in vocabulary
    )


def test_what_is_given_comes_after_what_can_be_changed():
    rules = (
        USUAL,
        rule("b", MANY, favour("fine_tuning")),
        rule("c", HOUSE, favour("few_shot")),
        rule("d", STRICT, favour("prompting")),
    )
    facts = {
        "data__labelled_samples": 3,
        "output__house_format": False,
        "output__strict_format": False,
    }
    given = changed(VOCABULARY, "output.house_format", flips="last")
    assert [first[0] for first, *_ in flips(book(*rules, vocabulary=given), **facts)] == [
        "output.strict_format",
        "data.labelled_samples",
        "output.house_format",
    ]
    never = changed(VOCABULARY, "output.house_format", flips="never")
    assert [first[0] for first, *_ in flips(book(*rules, vocabulary=never), **facts)] == [
        "output.strict_format",
        "data.labelled_samples",
    ]


def test_what_is_given_stands_in_no_pair():
    rules = (USUAL, rule("b", {"all": [HOUSE, STRICT]}, favour("fine_tuning")))
    given = changed(VOCABULARY, "output.house_format", flips="last")
    facts = {"output__house_format": False, "output__strict_format": False}
    assert len(flips(book(*rules), **facts)) == 1
    assert flips(book(*rules, vocabulary=given), **facts) == []


def test_numbers_are_round_where_the_advice_is_the_same():
    low = compare("data.labelled_samples", "at_most", 700)
    rules = book(USUAL, rule("b", low, oppose("rag"), favour("few_shot")))
    assert flips(rules, data__labelled_samples=900) == [
        (("data.labelled_samples", 700), "few_shot")
    ]
    assert flips(rules, data__labelled_samples=400) == [(("data.labelled_samples", 750), "rag")]
    exact = compare("data.labelled_samples", "between", [701, 702])
    tight = book(USUAL, rule("b", exact, favour("few_shot")))
    assert flips(tight, data__labelled_samples=400) == [
        (("data.labelled_samples", 701), "few_shot")
    ]


def test_no_number_below_the_least_and_no_loss_of_nearly_all_data():
    rules = (USUAL, rule("b", compare("data.classes", "at_most", 1), favour("few_shot")))
    assert flips(book(*rules), data__classes=5) == [(("data.classes", 1), "few_shot")]
    least = changed(VOCABULARY, "data.classes", least=2.0)
    assert flips(book(*rules, vocabulary=least), data__classes=5) == []
    few = rule("b", compare("data.labelled_samples", "at_most", 4), favour("few_shot"))
    at_hand = changed(VOCABULARY, "data.labelled_samples", measured_by="dataset")
    assert flips(book(USUAL, few, vocabulary=at_hand), data__labelled_samples=400)
    assert flips(book(USUAL, few), data__labelled_samples=800)
    assert flips(book(USUAL, few, vocabulary=at_hand), data__labelled_samples=800) == []


def following(name="output.strict_format", follows="output.house_format"):
    return changed(VOCABULARY, name, follows=follows)


def test_a_question_that_follows_another_waits_for_its_yes():
    rules = book(USUAL, rule("b", STRICT, favour("fine_tuning")), vocabulary=following())
    before = questions(rules)
    assert list(before) == ["output.house_format"]
    assert before["output.house_format"].could_change
    assert before["output.house_format"].outcomes == ("fine_tuning",)
    assert list(questions(rules, output__house_format=True)) == ["output.strict_format"]
    assert questions(rules, output__house_format=False) == {}


def test_what_somebody_did_not_know_is_marked_and_comes_last():
    rules = book(
        USUAL,
        rule("b", HOUSE, favour("fine_tuning")),
        rule("c", STRICT, favour("few_shot", "moderate"), oppose("rag", "weak")),
    )
    told = Profile.model_validate(
        {"task": {"needs_style": True}, "unknown": ["output.house_format"]}
    )
    found = rank(told, rules).open_questions
    assert [(q.fact, q.could_change, q.told_unknown) for q in found] == [
        ("output.strict_format", True, False),
        ("output.house_format", True, True),
    ]
    after = book(USUAL, rule("b", STRICT, favour("fine_tuning")), vocabulary=following())
    assert rank(told, after).open_questions == ()


def test_there_are_at_most_twelve():
    many = [fact(f"task.kind{n}") for n in range(20)]
    rules = book(
        USUAL,
        *(
            rule(f"r{n}", compare(each.id, "is", True), favour("few_shot"))  # noqa: FBT003
            for n, each in enumerate(many)
        ),
        vocabulary=(*VOCABULARY, *many),
    )
    facts = {"task.needs_style": True} | {each.id: False for each in many}
    from advisor.rulebook.flips import flips as found

    assert len(found(Trials(facts, rules), "rag")) == 12


@pytest.mark.parametrize("tie", [None, 3.0])
def test_the_width_of_a_tie_counts_in_trials(tie):
    rules = book(
        rule("a", STYLE, favour("few_shot", "moderate")),
        rule("b", HOUSE, favour("rag"), oppose("prompting", "weak")),
        tie=tie,
    )
    found = flips(rules, output__house_format=False)
    assert found == ([] if tie else [(("output.house_format", True), "rag")])
    decision = rank(profile(output__house_format=True), rules)
    assert decision.recommended == ("few_shot" if tie else "rag")
    assert decision.near_ties == (("few_shot", "rag") if tie else ())
    assert decision.close_call == bool(tie)
    assert decision.runner_up == ("rag" if tie else "few_shot")


def test_what_the_gate_alone_computes_turns_no_advice():
    facts = [one for one in load_facts(rules_root()) if one.measured_by == "gate"]
    assert {"measured.target_met", "measured.target_gap"} <= {one.id for one in facts}
    assert not [one.id for one in facts if can_change(one)]
