"""Published outcomes as profiles: what a case states in the words of `rules/facts.yaml`.

Only what a case states about its scenario enters the profile. Names of models become size and
class, corpora become yes or no; title, lesson, results and the list of measured arms stay out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.schema.profile import Profile
from advisor.schema.rule import Approach

FAMILIES: dict[str, tuple[str, ...]] = {
    "prompt": (
        "zero_shot",
        "zero_shot_small",
        "zero_shot_mid",
        "no_retrieval",
        "few_shot",
        "few_shot_small",
        "many_shot",
    ),
    "long_context": ("long_context",),
    "prompt_optimisation": ("prompt_opt",),
    "rag": ("rag", "rag_other"),
    "small_model_ft": ("setfit", "small_encoder_ft"),
    "peft": ("qlora", "lora", "lora_best_base", "peft"),
    "full_ft": ("sft", "full_ft"),
    "ft_unspecified": ("ft",),
    "icl_plus_ft": ("icl_plus_ft",),
    "rag_plus_ft": (
        "rag_plus_ft",
        "rag_plus_naive_ft",
        "rag_plus_lora",
        "rag_plus_full_ft",
    ),
    "preference": ("dpo", "orpo", "kto", "simpo", "ipo", "cpo", "rlhf"),
    "rl": ("rl",),
    "cpt": ("cpt", "raw_cpt", "cpt_plus_sft", "custom_pretrain"),
    "cpt_plus_rag": ("cpt_plus_rag",),
}
"""Arms of the cases by family, as `evidence/decisions/score.py` groups them."""
FAMILY_OF = {arm: family for family, arms in FAMILIES.items() for arm in arms}
APPROACH_OF: dict[str, tuple[Approach, ...]] = {
    "prompt": ("prompting", "few_shot"),
    "prompt_optimisation": ("prompt_optimisation",),
    "long_context": ("long_context",),
    "rag": ("rag",),
    "small_model_ft": ("small_model",),
    "peft": ("fine_tuning",),
    "full_ft": ("fine_tuning",),
    "ft_unspecified": ("fine_tuning",),
    "icl_plus_ft": ("fine_tuning",),
    "rag_plus_ft": ("rag_plus_fine_tuning",),
    "preference": ("preference_tuning",),
    "rl": ("reinforcement",),
    "cpt": ("continued_pretraining",),
    "cpt_plus_rag": ("continued_pretraining",),
}
KINDS = {
    "qa_knowledge": "question_answering",
    "qa_reasoning": "question_answering",
    "domain_adaptation": "question_answering",
    "classification": "classification",
    "extraction": "extraction",
    "structured_output": "structured_output",
    "sql": "structured_output",
    "structured_to_text": "generation",
    "generation": "generation",
    "style": "generation",
    "summarization": "summarisation",
    "translation": "translation",
    "tool_use": "tool_use",
    "dialogue": "chat",
    "preference": "chat",
    "code": "code",
}
NEEDS_REASONING = {"qa_reasoning": True, "qa_knowledge": False}
DAYS = {"daily": 1.0, "weekly": 7.0, "monthly": 30.0, "yearly": 365.0, "never": 36500.0}
HOSTED = re.compile(r"\b(gpt-?[345]|chatgpt|claude|gemini|palm|o[134]\b)", re.IGNORECASE)
SIZES = re.compile(r"(\d+(?:\.\d+)?)\s?([BM])\b")
T5_BILLION = {"small": 0.08, "base": 0.25, "large": 0.78, "xl": 3.0, "xxl": 11.0}
T5 = re.compile(r"t5-?(small|base|large|xl|xxl)", re.IGNORECASE)
INSTRUCT = re.compile(r"instruct|chat|zephyr|orca|flan|\bsft\b", re.IGNORECASE)
TOKENS = re.compile(r"(\d+(?:\.\d+)?)\s?([MBT])\s+tokens")
SCALE = {"M": 10**6, "B": 10**9, "T": 10**12}
POINTS = 100.0
"""Scores of the cases lie between 0 and 100, those of a profile between 0 and 1."""


@dataclass(frozen=True)
class Case:
    """One published comparison of at least two families."""

    id: str
    source: str
    task_kind: str
    weight: float
    profile: Profile
    """Without any measured score."""
    scored: Profile
    """With the measured prompted score, where the case states one."""
    values: Mapping[str, float]
    """Best value of every measured family, the higher the better."""
    acceptable: frozenset[str]
    """Families within the case's tolerance of the best."""
    best: frozenset[str]
    is_absolute: bool
    """All arms share one metric in points, so that a regret can be told."""


def load(path: Path) -> tuple[list[Case], dict[str, int]]:
    """The scorable cases of a file, and how many were left out for which reason."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return read(rows)


def read(rows: Iterable[dict[str, Any]]) -> tuple[list[Case], dict[str, int]]:
    """The scorable cases of rows in the columns of `cases.jsonl`; the rest counted by reason."""
    cases: list[Case] = []
    left_out: dict[str, int] = {}
    for row in rows:
        reason = _unscorable(row)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            cases.append(_case(row))
    return cases, left_out


def _unscorable(row: dict[str, Any]) -> str:
    unknown = [arm for arm in row["measured"] if arm not in FAMILY_OF]
    if unknown:
        return f"unknown arm {unknown[0]}"
    if row["task_kind"] not in KINDS:
        return f"unknown task kind {row['task_kind']}"
    if len({FAMILY_OF[arm] for arm in row["measured"]}) < 2:
        return "fewer than two families measured"
    if "not_measured" in row["best_family"]:
        return "the best family was not measured"
    return ""


def _case(row: dict[str, Any]) -> Case:
    metrics = {arm["metric"] for arm in row["measured"].values()}
    facts = facts_of_case(row)
    return Case(
        id=row["id"],
        source=row["source"]["url"],
        task_kind=row["task_kind"],
        weight=float(row["weight"]),
        profile=Profile.model_validate(facts),
        scored=Profile.model_validate(facts | {"measured": measured_of_case(row, facts)}),
        values=_values(row),
        acceptable=frozenset(row["acceptable_families"]),
        best=frozenset(row["best_family"]),
        is_absolute=row["value_kind"] == "absolute" and len(metrics) == 1,
    )


def _values(row: dict[str, Any]) -> dict[str, float]:
    sign = -1.0 if row.get("lower_is_better") else 1.0
    values: dict[str, float] = {}
    for arm, entry in row["measured"].items():
        family = FAMILY_OF[arm]
        values[family] = max(values.get(family, float("-inf")), sign * entry["value"])
    return values


def facts_of_case(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the scenario states, by group; what it leaves open stays unknown."""
    scenario, kind = row["scenario"], row["task_kind"]
    labels = scenario.get("n_labeled_examples")
    is_preference = kind == "preference"
    days = DAYS.get(scenario.get("knowledge_changes") or "")
    return {
        "task": _known(
            kind=KINDS[kind],
            needs_reasoning=NEEDS_REASONING.get(kind),
            needs_style=True if kind == "style" else scenario.get("style_consistency_needed"),
            judged_by_preference=True if is_preference else None,
            has_domain_terms=scenario.get("domain_terminology") is not None or None,
            style_source=_style_source(scenario.get("corpus_size")),
        ),
        "data": _known(
            labelled_samples=None if is_preference else labels,
            preference_pairs=labels if is_preference else None,
            unlabelled_tokens=_tokens(scenario.get("corpus_size")),
        ),
        "knowledge": _known(
            in_documents=scenario.get("has_document_corpus"),
            is_public=_public(scenario.get("corpus_size")),
            update_interval_days=days,
            must_be_current=None if days is None else days < DAYS["never"],
            must_cite=scenario.get("needs_citations"),
            access_controlled="per user" in (scenario.get("privacy") or "") or None,
        ),
        "output": _known(strict_format=_strict(scenario.get("format_strictness"))),
        "constraints": _known(must_stay_local=_local(scenario.get("privacy"))),
        "model": _model(scenario.get("base_model") or ""),
    }


def measured_of_case(
    row: dict[str, Any], facts: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """The measured prompted score on the scale of 0 to 1; nothing where the case has none."""
    baseline = row["scenario"].get("current_baseline") or {}
    score = baseline.get("prompted_best")
    if score is None:
        return {}
    share = min(max(score / POINTS, 0.0), 1.0)
    asks_documents = facts["knowledge"].get("in_documents") is True
    return {"prompted_score": share} | ({"closed_book_score": share} if asks_documents else {})


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _strict(word: str | None) -> bool | None:
    return None if word is None else word == "strict"


def _local(privacy: str | None) -> bool | None:
    words = privacy or ""
    return True if words == "local" or "in house" in words else None


def _public(corpus: str | None) -> bool | None:
    return True if re.search(r"wikipedia|\bweb\b", corpus or "", re.IGNORECASE) else None


def _style_source(corpus: str | None) -> str | None:
    words = corpus or ""
    if "user's" in words:
        return "each_person"
    return "one_voice" if "author's" in words else None


def _tokens(corpus: str | None) -> int | None:
    found = TOKENS.search(corpus or "")
    return int(float(found[1]) * SCALE[found[2]]) if found else None


def _model(name: str) -> dict[str, Any]:
    """Size and class of the models a case names: the largest open one, and whether one is hosted.

    A scenario that names open models only has no hosted one to fall back on.
    """
    sizes = [float(n) / (1000 if unit == "M" else 1) for n, unit in SIZES.findall(name)]
    sizes += [T5_BILLION[size.lower()] for size in T5.findall(name)]
    is_hosted = bool(HOSTED.search(name))
    return _known(
        parameters_billion=max(sizes, default=None),
        is_instruct=True if INSTRUCT.search(name) else None,
        frontier_available=is_hosted if is_hosted or sizes else None,
    )
