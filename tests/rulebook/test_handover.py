"""What a decision hands on: settings of the first rule, builders worth measuring, numbers asked."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from advisor.resources import rules_root
from advisor.rulebook.conditions import outcome
from advisor.rulebook.handover import (
    PLAN_KEYS,
    asked_in_numbers,
    builders_worth_measuring,
    hand_over,
    setting_faults,
)
from advisor.rulebook.load import load_rulebook
from advisor.rulebook.ordering import TUNING, Finding
from advisor.schema.plan import Plan
from advisor.schema.rule import Action, Rule


def default(rule_id: str, *settings: tuple[str, object], order: int = 100) -> Rule:
    return Rule.model_validate(
        {
            "id": rule_id,
            "title": rule_id,
            "kind": "default",
            "since": "2026-11-26",
            "when": {"fact": "data.labelled_samples", "op": "at_least", "value": 100},
            "then": [{"effect": "set", "key": key, "value": value} for key, value in settings],
            "order": order,
            "why": "because",
            "evidence": "opinion",
        }
    )


def findings(*rules: Rule, samples: int = 500) -> list[Finding]:
    facts = {"data.labelled_samples": samples}
    return [Finding(rule, outcome(rule.when, facts)) for rule in rules]


def test_the_first_firing_rule_in_line_fills_a_setting():
    late = default("a-late", ("rank", 16), ("epochs", 3.0), order=20)
    early = default("z-early", ("rank", 64), order=10)
    handed = hand_over(findings(late, early), (), {})
    assert {s.key: (s.value, s.rule_id) for s in handed.settings} == {
        "rank": (64, "z-early"),
        "epochs": (3.0, "a-late"),
    }
    assert handed.settings[0].because == {"data.labelled_samples": 500}


def test_a_silent_rule_fills_nothing():
    handed = hand_over(findings(default("rank", ("rank", 64)), samples=50), (), {})
    assert handed.settings == ()


def test_methods_come_in_line_once_and_are_no_setting():
    rules = (
        default("b", ("method", "qlora"), order=2),
        default("a", ("method", "lora"), ("rank", 8), order=1),
        default("c", ("method", "lora"), order=3),
    )
    handed = hand_over(findings(*rules), (), {})
    assert handed.methods == ("lora", "qlora")
    assert [s.key for s in handed.settings] == ["rank"]


PROMPTS = ("zero_shot", "few_shot")
LABELS = ("majority", "nearest_neighbour", "embedding_classifier")


@pytest.mark.parametrize(
    ("facts", "builders"),
    [
        ({}, PROMPTS),
        ({"data.labelled_samples": 3}, ("zero_shot",)),
        ({"data.labelled_samples": 4}, PROMPTS),
        ({"data.train_samples": 19}, PROMPTS),
        ({"data.train_samples": 20}, (*PROMPTS, "few_shot_similar")),
        ({"data.labelled_samples": 100, "data.train_samples": 0}, ("zero_shot",)),
        ({"knowledge.in_documents": True}, (*PROMPTS, "rag")),
        ({"knowledge.in_documents": False}, PROMPTS),
        ({"knowledge.documents": 0}, PROMPTS),
        ({"knowledge.in_documents": False, "knowledge.documents": 2}, (*PROMPTS, "rag")),
        (
            {"knowledge.in_documents": True, "data.train_samples": 4},
            (*PROMPTS, "rag", "rag_few_shot"),
        ),
        ({"knowledge.in_documents": True, "data.train_samples": 3}, ("zero_shot", "rag")),
        (
            {"knowledge.documents": 2, "knowledge.document_characters": 24_000},
            (*PROMPTS, "rag", "long_context"),
        ),
        ({"knowledge.documents": 2, "knowledge.document_characters": 24_001}, (*PROMPTS, "rag")),
        (
            {
                "knowledge.documents": 2,
                "knowledge.document_characters": 9,
                "knowledge.in_documents": False,
            },
            (*PROMPTS, "rag"),
        ),
        ({"data.classes": 5, "data.train_samples": 15}, (*PROMPTS, *LABELS)),
        ({"data.classes": 5, "data.train_samples": 14}, PROMPTS),
        ({"data.classes": 1, "data.train_samples": 14}, (*PROMPTS, *LABELS[:2])),
        ({"data.classes": 5}, PROMPTS),
        (
            {"data.answer_in_input_share": 0.5, "data.train_samples": 9},
            (*PROMPTS, "extractive_copy"),
        ),
        ({"data.answer_in_input_share": 0.49, "data.train_samples": 9}, PROMPTS),
    ],
)
def test_builders_worth_measuring(facts, builders):
    assert builders_worth_measuring(facts) == builders


def test_a_search_over_prompts_is_measured_only_where_it_is_advised():
    facts = {"data.train_samples": 9}
    assert "prompt_optimisation" not in builders_worth_measuring(facts, ["few_shot"])
    assert builders_worth_measuring(facts, ["prompt_optimisation"])[-1] == "prompt_optimisation"
    assert "prompt_optimisation" not in builders_worth_measuring(
        {"data.train_samples": 0}, ["prompt_optimisation"]
    )


def test_every_builder_worth_measuring_is_there():
    named = {entry.name for group in ("prompting", "predictors")
             for entry in entry_points(group=f"advisor.{group}")}  # fmt: skip
    everything = {
        "data.train_samples": 100, "data.classes": 3, "data.answer_in_input_share": 1.0,
        "knowledge.in_documents": True, "knowledge.document_characters": 9,
    }  # fmt: skip
    found = builders_worth_measuring(everything, ["prompt_optimisation"])
    assert len(found) == 11
    assert set(found) <= named


def gates() -> dict[str, Rule]:
    return {rule.id: rule for rule in load_rulebook(rules_root()).rules if rule.kind == "gate"}


@pytest.mark.parametrize(
    ("rule_id", "facts", "number"),
    [
        ("target-not-met", {"task.target": 0.8}, "(80 %, to be cleared"),
        ("target-not-met", {}, "(no target was given)?"),
        ("within-budget", {"constraints.budget_usd": 1500.0}, "($1,500)?"),
        ("within-budget", {}, "(no budget was given)?"),
        ("within-hours", {"constraints.max_hours": 8.0}, "(8 h)?"),
        ("gain-is-visible", {"data.test_samples": 120}, "(120 test samples)?"),
    ],
)
def test_the_gates_questions_hold_the_profiles_numbers(rule_id, facts, number):
    assert number in asked_in_numbers(gates()[rule_id], facts)


def test_a_question_without_a_number_stays_as_it_is():
    rule = gates()["enough-train-samples"]
    assert asked_in_numbers(rule, {"task.target": 0.8}) == rule.asked


def test_every_gate_rule_is_asked_in_its_order():
    rules = gates()
    handed = hand_over((), tuple(reversed(rules.values())), {})
    orders = [rules[c.rule_id].order for c in handed.criteria]
    assert len(orders) == len(rules)
    assert orders == sorted(orders)


def test_every_key_is_a_field_of_a_plan():
    assert set(PLAN_KEYS) <= set(Plan.model_fields)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("rnak", 8, "unknown setting 'rnak'; did you mean 'rank'?"),
        ("gpu", "h100", "unknown setting 'gpu'"),
        ("rank", "many", "rank: 'many'"),
        ("rank", 0, "greater than 0"),
        ("rank", True, "rank: True"),
        ("lroa.rank", 8, "unknown kind of method 'lroa'; did you mean 'lora'?"),
        ("lora.rnak", 8, "unknown setting 'lora.rnak'; did you mean 'rank'?"),
        ("preference_tuning.objective", "ppo", "none of sft, cpt, dpo"),
        ("fine_tuning.rank", 8, "unknown kind of method 'fine_tuning'"),
        ("cpt.lroa.rank", 8, "unknown kind of method 'lroa'; did you mean 'lora'?"),
        ("dpo.rnak", 8, "unknown setting 'dpo.rnak'; did you mean 'rank'?"),
        ("choose_checkpoint_by", "luck", "choose_checkpoint_by: 'luck'"),
        ("train_on_shots", "four", "a number of shots"),
        ("method", 8, "the name of a method"),
    ],
)
def test_what_a_rule_cannot_set(key, value, words):
    (fault,) = setting_faults(Action(effect="set", key=key, value=value))
    assert words in fault


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rank", 64),
        ("alpha", 32),
        ("lora.learning_rate", 0.0002),
        ("full.epochs", 2),
        ("target_modules", "all-linear"),
        ("packing", True),
        ("train_on_shots", True),
        ("preference_tuning.objective", "kto"),
        ("method", "lora"),
        ("cpt.lora.rank", 256),
        ("dpo.learning_rate", 0.000005),
        ("neftune_alpha", 5.0),
        ("choose_checkpoint_by", "loss"),
    ],
)
def test_what_a_rule_can_set(key, value):
    assert list(setting_faults(Action(effect="set", key=key, value=value))) == []


def test_where_every_tuning_is_ruled_out_nothing_is_priced():
    rules = findings(default("rank", ("rank", 64), ("method", "lora")))
    handed = hand_over(rules, (), {}, forbidden=TUNING | {"few_shot"})
    assert (handed.methods, handed.settings) == ((), ())
    assert handed.builders
    one_left = hand_over(rules, (), {}, forbidden=TUNING - {"reinforcement"})
    assert one_left.methods == ("lora",)
    assert one_left.settings
