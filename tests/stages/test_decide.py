"""The advice of the shipped rules, before anything is measured."""

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.profile import Profile
from advisor.stages.decide import decide

BOOK = load_rulebook(rules_root())

STORIES = {
    "nothing is known": ({}, None),
    "only the task is known": ({"task": {"kind": "chat"}}, "prompting"),
    "a few samples to show": (
        {"task": {"kind": "chat"}, "data": {"labelled_samples": 60}},
        "few_shot",
    ),
    "no samples at all": (
        {"task": {"kind": "extraction"}, "data": {"labelled_samples": 0}},
        "collect_data",
    ),
    "answers stand in manuals": (
        {
            "task": {"kind": "question_answering"},
            "data": {"labelled_samples": 600},
            "knowledge": {"in_documents": True},
        },
        "rag",
    ),
    "manuals with a house format and samples": (
        {
            "task": {"kind": "question_answering"},
            "data": {"labelled_samples": 600},
            "knowledge": {"in_documents": True},
            "output": {"house_format": True, "strict_format": True},
        },
        "rag",
    ),
    "prices that change weekly": (
        {
            "task": {"kind": "question_answering"},
            "data": {"labelled_samples": 2000},
            "knowledge": {"update_interval_days": 7, "must_be_current": True},
        },
        "rag",
    ),
    "a house format with samples": (
        {
            "task": {"kind": "structured_output"},
            "data": {"labelled_samples": 500},
            "output": {"house_format": True, "strict_format": True},
            "knowledge": {"in_documents": False},
        },
        "fine_tuning",
    ),
    "a house format with too few samples": (
        {
            "task": {"kind": "structured_output"},
            "data": {"labelled_samples": 40},
            "output": {"house_format": True, "strict_format": True},
        },
        "few_shot",
    ),
    "spam or not, thousands of labels": (
        {"task": {"kind": "classification"}, "data": {"labelled_samples": 5000, "classes": 2}},
        "small_model",
    ),
    "a voice with a large body of work": (
        {"task": {"kind": "generation", "needs_style": True}, "data": {"labelled_samples": 3000}},
        "fine_tuning",
    ),
    "a language no model reads": (
        {
            "task": {"kind": "generation", "needs_new_language": True},
            "data": {"labelled_samples": 1000, "unlabelled_tokens": 2_000_000_000},
        },
        "continued_pretraining",
    ),
    "thousands of compared answers": (
        {
            "task": {"kind": "chat"},
            "data": {"labelled_samples": 2000, "preference_pairs": 40_000},
        },
        "preference_tuning",
    ),
    "code that tests can judge": (
        {
            "task": {"kind": "code", "has_verifiable_reward": True},
            "data": {"labelled_samples": 2000},
            "output": {"house_format": False},
        },
        "prompt_optimisation",
    ),
    "fields that stand in the message": (
        {
            "task": {"kind": "extraction"},
            "data": {"labelled_samples": 700, "answer_in_input_share": 1.0},
            "knowledge": {"in_documents": False},
            "output": {"house_format": False},
        },
        "fine_tuning",
    ),
}


@pytest.mark.parametrize(("content", "expected"), STORIES.values(), ids=STORIES)
def test_story(content, expected):
    assert decide(Profile.model_validate(content), BOOK).recommended == expected


MEASURED = {"target_met": False, "test_is_clean": True, "gain_is_visible": True}
LATER = {
    "the prompt is enough": (
        {
            "measured": {
                "target_met": True,
                "test_is_clean": True,
                "sufficient_approach": "prompting",
            }
        },
        "prompting",
    ),
    "shots are enough": (
        {
            "measured": {
                "target_met": True,
                "test_is_clean": True,
                "sufficient_approach": "few_shot",
            }
        },
        "few_shot",
    ),
    "retrieval is enough": (
        {"measured": {"target_met": True, "test_is_clean": True, "sufficient_approach": "rag"}},
        "rag",
    ),
    "far below with samples": (
        {"data": {"train_samples": 400}, "measured": MEASURED | {"best_score": 0.4}},
        "fine_tuning",
    ),
    "below with too few samples": (
        {"data": {"train_samples": 30}, "measured": MEASURED | {"best_score": 0.4}},
        "collect_data",
    ),
    "almost there": (
        {
            "data": {"train_samples": 400},
            "measured": MEASURED | {"best_score": 0.93, "prompted_score": 0.93},
        },
        "prompt_optimisation",
    ),
    "nothing fits": (
        {
            "data": {"train_samples": 400},
            "measured": MEASURED | {"best_score": 0.4, "tuning_fits": False},
        },
        "small_model",
    ),
    "documents that do not answer": (
        {
            "data": {"train_samples": 400},
            "knowledge": {"in_documents": True},
            "measured": MEASURED | {"best_score": 0.2, "rag_score": 0.2},
        },
        "collect_data",
    ),
    "retrieval helps but falls short": (
        {
            "data": {"train_samples": 400},
            "knowledge": {"in_documents": True},
            "measured": MEASURED | {"best_score": 0.65, "rag_score": 0.65},
        },
        "rag_plus_fine_tuning",
    ),
}


@pytest.mark.parametrize(("content", "expected"), LATER.values(), ids=LATER)
def test_story_after_measuring(content, expected):
    profile = Profile.model_validate({"task": {"kind": "extraction"}} | content)
    assert decide(profile, BOOK).recommended == expected


def test_a_measured_target_silences_every_wish_to_tune():
    wishes = {
        "task": {"kind": "structured_output", "needs_style": True},
        "data": {"labelled_samples": 5000, "train_samples": 4000},
        "output": {"house_format": True, "strict_format": True},
        "constraints": {"must_stay_local": True, "queries_per_month": 10_000_000},
    }
    assert decide(Profile.model_validate(wishes), BOOK).recommended == "fine_tuning"
    met = {"target_met": True, "test_is_clean": True, "sufficient_approach": "few_shot"}
    measured = Profile.model_validate(wishes | {"measured": met})
    assert decide(measured, BOOK).recommended == "few_shot"


def test_methods_follow_the_machine():
    base = {"task": {"kind": "extraction"}, "data": {"labelled_samples": 500}}
    cpu = Profile.model_validate(base | {"machine": {"gpus": 0}})
    card = Profile.model_validate(base | {"machine": {"gpus": 1, "gpu_memory_gib": 24}})
    assert decide(cpu, BOOK).methods == ("lora",)
    assert decide(card, BOOK).methods == ("lora", "qlora")


def test_the_next_step_differs_once_measured():
    before = decide(Profile.model_validate({"task": {"kind": "chat"}}), BOOK)
    assert "advisor baseline" in before.next_step
    after = decide(
        Profile.model_validate(
            {
                "task": {"kind": "chat"},
                "measured": {
                    "best_score": 0.9,
                    "target_met": True,
                    "test_is_clean": True,
                    "sufficient_approach": "prompting",
                },
            }
        ),
        BOOK,
    )
    assert after.next_step != before.next_step
