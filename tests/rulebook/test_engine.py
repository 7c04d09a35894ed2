"""Scores, ties, musts, and what a decision tells beside them."""

import pytest

from advisor.approaches import NAMES
from advisor.errors import RuleConflictError
from advisor.rulebook.engine import rank
from advisor.schema.facts import Fact
from advisor.schema.profile import DataFacts, OutputFacts, Profile, TaskFacts
from advisor.schema.rule import Rule, Rulebook

STRENGTHS = {"weak": 1.0, "moderate": 2.0, "strong": 4.0}
VOCABULARY = (
    Fact(id="task.needs_style", type="bool", meaning="style", question="Style?", why="."),
    Fact(id="data.labelled_samples", type="int", meaning="samples", question="Samples?", why="."),
    Fact(id="output.house_format", type="bool", meaning="house", question="House?", why="."),
)
STYLE = {"fact": "task.needs_style", "op": "is", "value": True}
MANY = {"fact": "data.labelled_samples", "op": "at_least", "value": 100}
HOUSE = {"fact": "output.house_format", "op": "is", "value": True}
KNOWN = Profile(task=TaskFacts(needs_style=True))


def make_rule(name, *then, when=STYLE, kind="decision"):
    return Rule.model_validate(
        {
            "id": name,
            "title": name.capitalize(),
            "kind": kind,
            "since": "2026-11-25",
            "when": when,
            "then": then,
            "why": "because",
            "evidence": "opinion",
            "sources": ({"ref": "somebody"},),
        }
    )


def favour(approach, strength="strong"):
    return {"effect": "favour", "approach": approach, "strength": strength}


def oppose(approach, strength="strong"):
    return {"effect": "oppose", "approach": approach, "strength": strength}


def book(*rules, **changes):
    base = {
        "rules": rules,
        "facts": tuple(fact.id for fact in VOCABULARY),
        "strengths": STRENGTHS,
        "sources": (),
        "digest": "0",
        "vocabulary": VOCABULARY,
    }
    return Rulebook.model_validate(base | changes)


def scores(decision):
    return {ranked.approach: ranked.score for ranked in decision.approaches}


def test_strengths_add_up_and_the_highest_leads():
    decision = rank(
        KNOWN,
        book(
            make_rule("a", favour("rag"), oppose("fine_tuning", "moderate")),
            make_rule("b", favour("rag", "weak"), favour("few_shot", "moderate")),
        ),
    )
    assert scores(decision)["rag"] == 5
    assert scores(decision)["fine_tuning"] == -2
    assert decision.recommended == "rag"
    assert decision.approaches[0].approach == "rag"
    assert decision.margin == 3
    assert not decision.close_call


def test_reasons_name_rule_facts_and_sources():
    decision = rank(KNOWN, book(make_rule("a", favour("rag"))))
    (reason,) = decision.approaches[0].reasons
    assert reason.rule_id == "a"
    assert reason.because == {"task.needs_style": True}
    assert reason.sources == ("somebody",)


def test_a_tie_goes_to_the_cheaper_and_is_called_close():
    decision = rank(KNOWN, book(make_rule("a", favour("fine_tuning"), favour("few_shot"))))
    assert decision.recommended == "few_shot"
    assert decision.close_call
    assert decision.margin == 0


def test_a_near_tie_goes_to_the_cheaper_too():
    near = STRENGTHS | {"moderate": 4.5}
    rules = make_rule("a", favour("fine_tuning", "moderate"), favour("few_shot"))
    assert rank(KNOWN, book(rules, strengths=near)).recommended == "few_shot"
    far = STRENGTHS | {"moderate": 5.0}
    assert rank(KNOWN, book(rules, strengths=far)).recommended == "fine_tuning"


def test_near_ties_and_runner_up_are_told():
    decision = rank(
        KNOWN,
        book(make_rule("a", favour("fine_tuning"), favour("rag"), favour("few_shot", "weak"))),
    )
    assert decision.near_ties == ("rag", "fine_tuning")
    assert (decision.recommended, decision.runner_up) == ("rag", "fine_tuning")
    clear = rank(KNOWN, book(make_rule("a", favour("rag"), favour("few_shot", "weak"))))
    assert clear.near_ties == ()
    assert not clear.close_call
    assert clear.runner_up == "few_shot"
    close = rank(KNOWN, book(make_rule("a", favour("rag", "moderate"), favour("few_shot", "weak"))))
    assert close.near_ties == ()
    assert not close.close_call


def test_a_required_approach_ties_with_nothing():
    decision = rank(
        KNOWN,
        book(
            make_rule("a", favour("fine_tuning"), favour("rag")),
            make_rule("b", {"effect": "require", "approach": "prompting"}),
        ),
    )
    assert decision.near_ties == ()
    assert not decision.close_call
    assert decision.runner_up == "rag"


def test_a_forbidden_approach_is_no_runner_up_and_says_who_forbids_it():
    decision = rank(
        KNOWN,
        book(
            make_rule("a", favour("rag"), favour("fine_tuning", "moderate")),
            make_rule("b", {"effect": "forbid", "approach": "fine_tuning"}),
        ),
    )
    assert decision.runner_up == "prompting"
    reasons = {r.rule_id: r for r in decision.approaches[-1].reasons}
    assert reasons["b"].effect == "forbid"
    assert reasons["b"].why == "because"


def test_without_advice_there_is_no_runner_up():
    decision = rank(Profile(), book(make_rule("a", favour("rag"))))
    assert decision.runner_up is None
    assert decision.near_ties == ()


def test_nothing_fires_nothing_is_advised():
    decision = rank(Profile(), book(make_rule("a", favour("rag"))))
    assert decision.recommended is None
    assert decision.next_step.startswith("Not enough is known")
    assert "Style? (task.needs_style)" in decision.next_step
    assert [q.fact for q in decision.open_questions] == ["task.needs_style"]


def test_only_opposition_is_no_advice():
    decision = rank(KNOWN, book(make_rule("a", oppose("fine_tuning"))))
    assert decision.recommended is None


def test_what_is_outweighed_is_not_called_unknown():
    decision = rank(KNOWN, book(make_rule("a", oppose("fine_tuning"))))
    assert decision.next_step.startswith("Nothing has more for it than against it.")
    assert "No answer that is missing" in decision.next_step
    more = rank(
        KNOWN,
        book(make_rule("a", oppose("fine_tuning")), make_rule("b", favour("rag"), when=MANY)),
    )
    assert "Samples? (data.labelled_samples)" in more.next_step


def test_what_is_ruled_out_names_the_rules():
    rules = book(
        make_rule("a", favour("rag")),
        make_rule("b", {"effect": "forbid", "approach": "rag"}),
        make_rule("c", {"effect": "forbid", "approach": "rag"}),
    )
    decision = rank(KNOWN, rules)
    assert decision.recommended is None
    assert "(RAG) is ruled out by the rules b and c." in decision.next_step
    everything = [{"effect": "forbid", "approach": name} for name in NAMES]
    step = rank(KNOWN, book(make_rule("a", *everything))).next_step
    assert step.startswith("Everything is ruled out by the rule a.")


GAINS = [
    {
        "approach": approach,
        "when": {"all": []},
        "low": -60.0,
        "likely": 12.0,
        "high": 30.0,
        "comparisons": 3,
        "sources": 2,
    }
    for approach in ("rag", "few_shot", "fine_tuning", "prompting", "collect_data")
]
FIT = {
    "intercept": 0.5,
    "per_point_behind": -0.4,
    "most_behind": 6.0,
    "basis": "made up",
    "fitted": "2026-11-26",
}


def told(decision):
    return {r.approach: (r.probability_acceptable, r.expected_gain) for r in decision.approaches}


def test_chances_and_gains_are_told_only_where_they_mean_something():
    rules = (
        make_rule("a", favour("few_shot"), favour("collect_data", "weak")),
        make_rule("b", {"effect": "forbid", "approach": "fine_tuning"}),
    )
    found = told(rank(KNOWN, book(*rules, gains=GAINS, acceptance=FIT)))
    assert found["fine_tuning"] == (0.0, None)
    assert found["collect_data"] == (None, None)
    assert found["few_shot"][0] > found["rag"][0] > 0
    assert found["rag"][1].likely == 12
    require = make_rule("c", {"effect": "require", "approach": "prompting"})
    found = told(rank(KNOWN, book(*rules, require, gains=GAINS, acceptance=FIT)))
    assert found["prompting"] == (None, None)
    assert found["few_shot"][0] is not None
    nothing = told(rank(KNOWN, book(rules[1], gains=GAINS, acceptance=FIT)))
    assert nothing["fine_tuning"] == (0.0, None)
    assert {chance for name, (chance, _) in nothing.items() if name != "fine_tuning"} == {None}


def test_contradictions_are_warned_of():
    profile = Profile(
        task=TaskFacts(needs_style=True), data=DataFacts(labelled_samples=10, classes=20)
    )
    assert "20 labels" in rank(profile, book(make_rule("a", favour("rag")))).warnings[0]


def test_advice_hangs_on_what_is_unknown_and_turns_it():
    rules = book(
        make_rule("a", favour("fine_tuning", "moderate")),
        make_rule(
            "b",
            favour("few_shot"),
            when={"fact": "data.labelled_samples", "op": "at_most", "value": 49},
        ),
    )
    decision = rank(KNOWN, rules)
    assert decision.hangs_on == ("data.labelled_samples",)
    assert decision.next_step.endswith(
        "This supposes labelled samples; with fewer than 50 it would be few-shot."
    )
    known = Profile(task=TaskFacts(needs_style=True), data=DataFacts(labelled_samples=400))
    assert rank(known, rules).hangs_on == ()
    assert rank(Profile(), rules).hangs_on == ()


def test_forbidden_comes_last_whatever_its_score():
    decision = rank(
        KNOWN,
        book(
            make_rule("a", favour("fine_tuning"), favour("rag", "weak")),
            make_rule("b", {"effect": "forbid", "approach": "fine_tuning"}),
        ),
    )
    assert decision.recommended == "rag"
    assert decision.approaches[-1].approach == "fine_tuning"
    assert decision.approaches[-1].forbidden


def test_required_leads_whatever_its_score():
    decision = rank(
        KNOWN,
        book(
            make_rule("a", favour("fine_tuning")),
            make_rule("b", {"effect": "require", "approach": "prompting"}),
        ),
    )
    assert decision.recommended == "prompting"
    assert decision.approaches[0].approach == "prompting"


@pytest.mark.parametrize(
    "other",
    [{"effect": "forbid", "approach": "rag"}, {"effect": "require", "approach": "prompting"}],
)
def test_a_clash_names_both_rules(other):
    rules = book(
        make_rule("one", {"effect": "require", "approach": "rag"}), make_rule("two", other)
    )
    with pytest.raises(RuleConflictError) as caught:
        rank(KNOWN, rules)
    assert "one" in caught.value.message
    assert "two" in caught.value.message


def test_an_open_question_says_whether_it_could_change_the_advice():
    rules = book(
        make_rule("a", favour("rag", "moderate")),
        make_rule("b", favour("fine_tuning"), when=MANY),
        make_rule("c", favour("few_shot", "weak"), when=HOUSE),
    )
    questions = {q.fact: q.could_change for q in rank(KNOWN, rules).open_questions}
    assert questions == {"data.labelled_samples": True, "output.house_format": False}


def test_two_unknown_facts_of_one_rule_count_together():
    rules = book(
        make_rule("a", favour("rag", "moderate")),
        make_rule("b", favour("fine_tuning"), when={"all": [MANY, HOUSE]}),
    )
    assert all(q.could_change for q in rank(KNOWN, rules).open_questions)


def test_what_would_change_it_is_true():
    rules = book(
        make_rule("a", favour("rag", "moderate")),
        make_rule("b", favour("fine_tuning"), when={"all": [MANY, HOUSE]}),
    )
    profile = Profile(
        task=TaskFacts(needs_style=True),
        data=DataFacts(labelled_samples=500),
        output=OutputFacts(house_format=True),
    )
    decision = rank(profile, rules)
    flips = {(f.fact, f.from_value, f.to_value, f.then) for f in decision.what_would_change_it}
    assert flips == {
        ("data.labelled_samples", 500, 95, "rag"),
        ("output.house_format", True, False, "rag"),
    }


def test_the_document_says_from_and_to():
    profile = Profile(task=TaskFacts(needs_style=True), data=DataFacts(labelled_samples=99))
    rules = book(
        make_rule("a", favour("rag", "moderate")),
        make_rule("b", favour("fine_tuning"), when=MANY),
    )
    decision = rank(profile, rules)
    written = decision.model_dump(mode="json")
    assert written["what_would_change_it"] == [
        {"fact": "data.labelled_samples", "from": 99, "to": 100, "then": "fine_tuning"}
    ]
    assert type(decision).model_validate(written) == decision


def test_warnings_methods_and_trace_are_told():
    rules = book(
        make_rule("w", {"effect": "warn", "message": "mind the gap"}, kind="warning"),
        make_rule("m", {"effect": "set", "key": "method", "value": "lora"}, kind="default"),
        make_rule("d", favour("rag"), when=MANY),
    )
    decision = rank(KNOWN, rules)
    assert decision.warnings == ("mind the gap",)
    assert decision.methods == ("lora",)
    assert {t.rule_id: t.outcome for t in decision.trace} == {
        "w": "fires",
        "m": "fires",
        "d": "undetermined",
    }
    assert next(t for t in decision.trace if t.rule_id == "d").missing == ("data.labelled_samples",)
