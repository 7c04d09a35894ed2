"""Advice that nobody should get, held over many profiles."""

from itertools import product

import pytest

from advisor.rulebook.conditions import facts_of
from advisor.rulebook.engine import rank
from advisor.rulebook.ordering import advised
from advisor.schema.profile import Profile
from tests.fixtures.profiles import BOOK, with_facts
from tests.rules.directions import STILL_MORE, TUNED, steps
from tests.rules.test_direction import SOME, leads

NO, YES = False, True
NARROW = ("classification", "extraction", "structured_output", "tool_use")
ASKING = ("question_answering", "summarisation", "chat", "generation")
TRAINED = {*TUNED, "small_model"}
LIBRARY = {"knowledge.in_documents": YES, "knowledge.document_characters": 10**9}
OUTDATED = {
    "data.labelled_samples": 300,
    "knowledge.must_be_current": YES,
    "knowledge.update_interval_days": 60,
    "constraints.retrain_interval_days": 365,
}
MORE = STILL_MORE("fine_tuning", "prompting")[0]


def every(**answers):
    """Facts for every combination of answers; None leaves one open."""
    names = [name.replace("__", ".") for name in answers]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*answers.values())]


def told(facts, **more):
    known = facts | {name.replace("__", "."): value for name, value in more.items()}
    return advised(facts_of(with_facts(Profile(), known)), BOOK)


def falls(found):
    return found != sorted(found)


NARROW_TASKS = every(
    task__kind=NARROW,
    output__strict_format=(None, YES),
    output__house_format=(None, YES),
    data__labelled_samples=(20, 100, 5000),
    data__classes=(None, 4),
)


def test_a_prompt_at_ninety_five_is_not_bettered_by_training():
    """Calls in a strict format of one's own apart: four reasons speak for training them."""
    fourfold = ("tool_use", YES, YES)
    tasks = [facts for facts in NARROW_TASKS if tuple(facts.values())[:3] != fourfold]
    assert [t for t in tasks if told(t, measured__prompted_score=0.95) in TRAINED] == []


def test_what_is_done_once_is_not_trained():
    assert [t for t in NARROW_TASKS if told(t, task__is_one_off=YES) in TRAINED] == []


def test_a_library_does_not_go_into_the_prompt():
    asked = every(task__kind=ASKING, measured__closed_book_score=(None, 0.1, 0.5, 0.7))
    for given in (None, NO):
        library = LIBRARY | {"knowledge.document_is_given": given}
        assert [t for t in asked if told(t | library) == "long_context"] == []


def test_a_genre_is_prompted_and_a_persons_past_retrieved():
    texts = every(
        task__kind=("generation",),
        task__needs_style=(YES,),
        data__labelled_samples=(None, 20, 50, 500),
        task__style_source=("genre", "each_person"),
    )
    assert [t for t in texts if told(t) in TRAINED] == []


def test_what_is_outdated_before_the_next_training_is_not_trained():
    assert [k for k in NARROW if told(OUTDATED, task__kind=k) in TRAINED] == []


def test_without_a_sample_neither_model_nor_prompt_is_improved():
    none = {"output.strict_format": YES, "data.labelled_samples": 0}
    nothing = {*TRAINED, "prompt_optimisation"}
    assert [k for k in NARROW if told(none, task__kind=k) in nothing] == []


def test_documents_do_not_stand_in_for_samples():
    """They speak for retrieval; training on them added next to nothing."""
    documents = steps("knowledge.in_documents", NO, YES)("rag", "fine_tuning")[0]
    none = {"data.labelled_samples": 0}
    assert [k for k in (*NARROW, *ASKING) if falls(leads(documents, none | {"task.kind": k}))] == []


@pytest.mark.parametrize("kind", ["question_answering", "chat", "summarisation"])
def test_that_answers_must_be_current_leaves_open_how_often(kind):
    """By itself it says too little: what changes yearly was trained as well as retrieved."""
    facts = {"task.kind": kind, "knowledge.must_be_current": YES}
    asked = {q.fact: q for q in rank(with_facts(Profile(), facts), BOOK).open_questions}
    assert "rag" in asked["knowledge.update_interval_days"].outcomes


@pytest.mark.parametrize("reader", [None, 8, 70])
def test_what_the_model_knows_by_heart_is_not_tuned_in(reader):
    facts = LIBRARY | {"task.kind": "question_answering", "model.parameters_billion": reader}
    assert told(facts, measured__closed_book_score=0.75) not in TRAINED


def test_still_more_samples_do_not_speak_against_training():
    """Apart from labels in a few classes, which speak for a small model."""
    for some in SOME:
        facts = some | {"task.kind": "generation", "task.needs_reasoning": NO}
        assert not falls(leads(MORE, facts)), facts


@pytest.mark.xfail(
    strict=True,
    reason="the one publication beyond 5,000 worked samples held a 13B against a frontier model",
)
def test_still_more_worked_samples_do_not_speak_against_training():
    facts = {"task.needs_reasoning": YES, "model.frontier_available": NO}
    assert not falls(leads(MORE, facts))
