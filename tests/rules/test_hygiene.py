"""What every rule, fact and source must keep."""

import re
import types
import typing

import pytest

from advisor.resources import rules_root
from advisor.rulebook.conditions import GROUPS, comparisons, facts_of
from advisor.rulebook.load import load_cases, load_rulebook
from advisor.schema.profile import Profile

ROOT = rules_root()
BOOK = load_rulebook(ROOT)
CASES = load_cases(ROOT)
ACTIVE = [rule for rule in BOOK.rules if rule.status == "active"]
FACTS = {fact.id: fact for fact in BOOK.vocabulary}
NEVER_SILENT = {"cheap-first"}
"""Its condition holds for every kind of task there is."""

each_rule = pytest.mark.parametrize("rule", ACTIVE, ids=[rule.id for rule in ACTIVE])


def outcomes(rule):
    return {case.expect for case in CASES[rule.id]}


@each_rule
def test_has_a_reason_and_a_source(rule):
    assert len(rule.why.split()) >= 8
    assert rule.title
    assert rule.sources or rule.evidence == "opinion"
    assert rule.sources, "even an opinion names whose"


@each_rule
def test_has_a_case_for_every_outcome(rule):
    wanted = {"fires", "silent", "undetermined"} - (
        {"silent"} if rule.id in NEVER_SILENT else set()
    )
    assert outcomes(rule) >= wanted


def test_a_rule_that_is_never_silent_cannot_be():
    (rule,) = [rule for rule in ACTIVE if rule.id in NEVER_SILENT]
    assert set(rule.when.value) == set(FACTS["task.kind"].choices)


def thresholds(rule):
    for part in comparisons(rule.when):
        if part.op in {"at_least", "at_most"}:
            yield part.fact, part.value
        elif part.op == "between":
            yield from ((part.fact, value) for value in part.value)


def values_in_cases(rule, fact):
    """What the rule's cases say of a fact, stated or following from others."""
    known = [
        (facts_of(Profile.model_validate(case.profile)), case.expect) for case in CASES[rule.id]
    ]
    return [(facts[fact], expect) for facts, expect in known if fact in facts]


@each_rule
def test_has_a_case_at_each_boundary(rule):
    for fact, value in thresholds(rule):
        seen = values_in_cases(rule, fact)
        assert any(v == value for v, _ in seen), f"{fact} is never {value}"
        step = 1 if FACTS[fact].type == "int" else max(0.01, abs(value) * 0.04)
        beyond = [v for v, _ in seen if v != value and abs(v - value) <= step * 1.001]
        assert beyond, f"no case just beside {fact} = {value}"


@pytest.mark.parametrize("rule", [r for r in ACTIVE if r.kind == "gate"], ids=lambda r: r.id)
def test_gate_rules_ask_in_words_and_have_their_place(rule):
    assert rule.asked.endswith("?")
    assert len(rule.then) == 1
    assert [r.order for r in ACTIVE if r.kind == "gate"].count(rule.order) == 1


def test_there_are_enough_rules():
    kinds = [rule.kind for rule in ACTIVE]
    assert len(ACTIVE) >= 60
    assert kinds.count("decision") + kinds.count("warning") >= 40
    assert kinds.count("gate") >= 5
    assert kinds.count("default") >= 20


def fact_type(annotation):
    """The vocabulary's word for a field's type, and its choices."""
    args = [a for a in typing.get_args(annotation) if a is not type(None)]
    is_optional = isinstance(annotation, types.UnionType) or type(None) in typing.get_args(
        annotation
    )
    assert is_optional, "every fact may be unknown"
    (kind,) = args
    if typing.get_origin(kind) is typing.Literal:
        return "choice", typing.get_args(kind)
    return {bool: "bool", int: "int", float: "float", str: "text"}[kind], ()


def profile_facts():
    for group in GROUPS:
        kind = Profile.model_fields[group].annotation
        for name, field in kind.model_fields.items():
            yield f"{group}.{name}", fact_type(field.annotation)


def test_vocabulary_and_profile_are_equal_in_both_directions():
    vocabulary = {f.id: (f.type, f.choices) for f in BOOK.vocabulary if not f.derived_from}
    assert vocabulary == dict(profile_facts())


def test_every_group_of_the_profile_is_known():
    groups = {
        name
        for name, field in Profile.model_fields.items()
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
    }
    assert groups == set(GROUPS)


def test_every_asked_fact_says_why():
    for fact in BOOK.vocabulary:
        assert fact.question or fact.measured_by or fact.derived_from or fact.type == "text", (
            fact.id
        )
        assert not fact.question or fact.why, fact.id


def test_every_source_is_cited_somewhere():
    text = "\n".join(
        path.read_text() for path in ROOT.rglob("*.yaml") if path.name != "sources.yaml"
    )
    uncited = [s.id for s in BOOK.sources if not re.search(rf"\b{re.escape(s.id)}\b", text)]
    assert uncited == []


def test_every_published_source_can_be_found():
    for source in BOOK.sources:
        assert source.published, source.id
        assert source.url or source.kind == "experience" or source.id == "fleiss-2003", source.id


def test_strengths_say_what_they_rest_on():
    text = (ROOT / "strengths.yaml").read_text()
    assert BOOK.strengths == {"weak": 1.0, "moderate": 2.0, "strong": 4.0}
    assert "convention" in text
