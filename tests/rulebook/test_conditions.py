"""Three values: yes, no, not known."""

import pytest

from advisor.rulebook.conditions import evaluate, facts_of, holds, outcome
from advisor.schema.profile import DataFacts, KnowledgeFacts, Profile, TaskFacts
from advisor.schema.rule import Condition


def compare(fact, op, value):
    return Condition(fact=fact, op=op, value=value)


A = Condition(fact="a", op="is", value=True)
B = Condition(fact="b", op="is", value=True)


@pytest.mark.parametrize(
    ("op", "wanted", "seen", "answer"),
    [
        ("is", "chat", "chat", True),
        ("is", "chat", "code", False),
        ("is_not", "chat", "code", True),
        ("is_not", "chat", "chat", False),
        ("in", ("chat", "code"), "code", True),
        ("in", ("chat", "code"), "extraction", False),
        ("at_least", 50, 50, True),
        ("at_least", 50, 49, False),
        ("at_most", 30.0, 30.0, True),
        ("at_most", 30.0, 30.5, False),
        ("between", (2, 25), 2, True),
        ("between", (2, 25), 25, True),
        ("between", (2, 25), 26, False),
        ("between", (2, 25), 1, False),
    ],
)
def test_operators(op, wanted, seen, answer):
    condition = compare("fact", op, wanted)
    assert holds(condition, {"fact": seen}) is answer
    assert holds(condition, {}) is None


@pytest.mark.parametrize("op", ["is", "is_not"])
def test_unknown_is_neither_yes_nor_no(op):
    for value in (True, False):
        assert holds(compare("fact", op, value), {}) is None


TRUTH = {
    # a, b: all, any, none
    (True, True): (True, True, False),
    (True, False): (False, True, False),
    (False, False): (False, False, True),
    (True, None): (None, True, False),
    (False, None): (False, None, None),
    (None, None): (None, None, None),
}


@pytest.mark.parametrize(("values", "expected"), TRUTH.items())
def test_groups_follow_kleene(values, expected):
    for a, b in (values, values[::-1]):
        facts = {name: v for name, v in (("a", a), ("b", b)) if v is not None}
        got = tuple(holds(Condition(**{g: (A, B)}), facts) for g in ("all", "any", "none"))
        assert got == expected


def test_outcome_names_what_it_saw_and_what_it_lacks():
    condition = Condition(all=(compare("x", "at_least", 1), A, Condition(any=(B, A))))
    found = outcome(condition, {"x": 3})
    assert found.word == "undetermined"
    assert found.looked_at == {"x": 3}
    assert found.missing == ("a", "b")


def test_a_decided_condition_lacks_nothing():
    found = outcome(Condition(all=(A, B)), {"a": False})
    assert found.word == "silent"
    assert found.missing == ()


def test_facts_of_leaves_out_what_is_unknown():
    profile = Profile(
        task=TaskFacts(kind="chat"),
        data=DataFacts(labelled_samples=0),
        knowledge=KnowledgeFacts(in_documents=False),
    )
    assert facts_of(profile) == {
        "task.kind": "chat",
        "data.labelled_samples": 0,
        "knowledge.in_documents": False,
    }


def test_evaluate_takes_a_profile():
    condition = compare("data.labelled_samples", "at_most", 0)
    assert evaluate(condition, Profile(data=DataFacts(labelled_samples=0))).holds is True
    assert evaluate(condition, Profile()).holds is None
