"""Whole profiles whose advice turns with one decisive answer, and what would turn it is told."""

from typing import Any, NamedTuple

import pytest

from advisor.rulebook.engine import rank
from advisor.schema.profile import Profile
from tests.fixtures.profiles import BOOK, with_facts

NO, YES = False, True
HOSTED = {"model.frontier_available": YES, "constraints.must_stay_local": NO}


class Story(NamedTuple):
    says: str
    known: dict[str, Any]
    fact: str
    turns: dict[Any, str]
    """The advice for each answer."""


def asked(**groups):
    """Facts about a task in which questions are answered."""
    return {"task.kind": "question_answering", "task.needs_reasoning": NO} | groups


STORIES = [
    Story(
        "A help desk answers from memory until its facts change daily",
        asked(),
        "knowledge.update_interval_days",
        {36500: "prompting", 365: "prompting", 30: "rag", 1: "rag"},
    ),
    Story(
        "Questions on public text need no search until the facts move",
        asked(
            **HOSTED,
            **{
                "data.labelled_samples": 300,
                "knowledge.must_be_current": YES,
                "constraints.retrain_interval_days": 90,
            },
        ),
        "knowledge.update_interval_days",
        {36500: "few_shot", 1: "rag"},
    ),
    Story(
        "A hotline's voice is shown in a few shots, then trained",
        {"task.kind": "generation", "task.needs_style": YES, "measured.prompted_score": 0.6},
        "data.labelled_samples",
        {20: "few_shot", 500: "fine_tuning"},
    ),
    Story(
        "Tickets are sorted by shots, then by a small model of their own",
        {"task.kind": "classification", "data.classes": 8, "measured.prompted_score": 0.7},
        "data.labelled_samples",
        {20: "few_shot", 500: "small_model", 5000: "small_model"},
    ),
    Story(
        "Fields of invoices: nothing to measure, then shots, then tuning",
        {"task.kind": "extraction", "output.house_format": YES},
        "data.labelled_samples",
        {0: "collect_data", 20: "few_shot", 500: "fine_tuning"},
    ),
    Story(
        "Extraction is tuned while prompts miss half, and left alone once they hit",
        {"task.kind": "extraction", "data.labelled_samples": 500},
        "measured.prompted_score",
        {0.4: "fine_tuning", 0.7: "fine_tuning", 0.95: "prompting"},
    ),
    Story(
        "A small reader is tuned on passages, a large one only reads them",
        asked(**{"knowledge.in_documents": YES, "data.labelled_samples": 500}),
        "model.parameters_billion",
        {1: "rag_plus_fine_tuning", 8: "rag", 70: "rag"},
    ),
    Story(
        "A chat keeps its shots unless it must speak the house's own format",
        {"task.kind": "chat", "data.labelled_samples": 150, "task.needs_reasoning": NO},
        "output.house_format",
        {NO: "few_shot", YES: "fine_tuning"},
    ),
    Story(
        "Public code is prompted well, the house's own code is trained",
        {"task.kind": "code", "data.labelled_samples": 300},
        "output.house_format",
        {NO: "prompt_optimisation", YES: "fine_tuning"},
    ),
    Story(
        "Reports are tuned until each sentence must name its source",
        {"task.kind": "generation", "data.labelled_samples": 500},
        "knowledge.must_cite",
        {NO: "fine_tuning", YES: "rag"},
    ),
    Story(
        "Two hundred labels for work that is done once are spent on a prompt",
        {"task.kind": "extraction", "data.labelled_samples": 200},
        "task.is_one_off",
        {NO: "fine_tuning", YES: "prompting"},
    ),
    Story(
        "Reasoning goes to the frontier model until the data must stay",
        {
            "task.kind": "question_answering",
            "task.needs_reasoning": YES,
            "model.frontier_available": YES,
            "data.labelled_samples": 800,
        },
        "constraints.must_stay_local",
        {NO: "prompt_optimisation", YES: "fine_tuning"},
    ),
    Story(
        "Preference tuning waits for pairs by the ten thousand",
        {"task.kind": "chat", "data.labelled_samples": 1000},
        "data.preference_pairs",
        {200: "few_shot", 20000: "preference_tuning"},
    ),
    Story(
        "A language that models have hardly seen is pre-trained once there is text",
        {"task.kind": "translation", "task.needs_new_language": YES},
        "data.unlabelled_tokens",
        {0: "few_shot", 10**8: "continued_pretraining"},
    ),
    Story(
        "The same language is shown in shots where fifty dollars must do",
        {
            "task.kind": "translation",
            "task.needs_new_language": YES,
            "data.unlabelled_tokens": 10**9,
        },
        "constraints.budget_usd",
        {50000: "continued_pretraining", 50: "few_shot"},
    ),
    Story(
        "The filing that holds the answer is known, so all of it goes into the prompt",
        asked(**{"knowledge.in_documents": YES}),
        "knowledge.document_is_given",
        {NO: "rag", YES: "long_context"},
    ),
    Story(
        "Answers spread over several documents are read by a tuned reader",
        asked(**{"knowledge.in_documents": YES, "model.parameters_billion": 3}),
        "knowledge.is_multi_hop",
        {NO: "rag", YES: "rag_plus_fine_tuning"},
    ),
    Story(
        "Milliseconds leave room for a small model only",
        {"task.kind": "classification", "data.labelled_samples": 200, "data.classes": 4},
        "constraints.latency_ms",
        {5000: "fine_tuning", 100: "small_model"},
    ),
    Story(
        "Without a card and without money a small model is what can still be trained",
        {
            "task.kind": "extraction",
            "data.labelled_samples": 500,
            "machine.gpus": 0,
            "model.parameters_billion": 8,
        },
        "constraints.budget_usd",
        {500: "fine_tuning", 0: "small_model"},
    ),
    Story(
        "Short texts in somebody's style: by genre, by the reader at hand, by one author",
        {"task.kind": "generation", "task.needs_style": YES},
        "task.style_source",
        {"genre": "prompting", "each_person": "rag", "one_voice": "fine_tuning"},
    ),
    Story(
        "A measured prompt that reaches the target ends the matter",
        {
            "task.kind": "extraction",
            "data.labelled_samples": 500,
            "data.train_samples": 400,
            "measured.best_score": 0.8,
            "measured.sufficient_approach": "prompting",
            "measured.test_is_clean": YES,
        },
        "measured.target_met",
        {YES: "prompting", NO: "fine_tuning"},
    ),
]


def decided(story, answer):
    return rank(with_facts(with_facts(Profile(), story.known), {story.fact: answer}), BOOK)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.says)
def test_the_decisive_answer_turns_the_advice(story):
    advice = {answer: decided(story, answer).recommended for answer in story.turns}
    assert advice == story.turns
    assert len(set(advice.values())) > 1


VOCABULARY = {fact.id: fact for fact in BOOK.vocabulary}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.says)
def test_the_advice_says_that_this_answer_would_turn_it(story):
    answer = next(iter(story.turns))
    flips = [f for f in decided(story, answer).what_would_change_it if f.fact == story.fact]
    if VOCABULARY[story.fact].flips == "never":
        assert not flips
        return
    if next(one for one in BOOK.vocabulary if one.id == story.fact).measured_by == "gate":
        assert not flips  # what the gate alone computes is nothing that somebody can change
        return
    assert flips
    assert not any(flip.together_with for flip in flips[:1])
    question = [q for q in decided(story, None).open_questions if q.fact == story.fact]
    assert not question or question[0].could_change
