"""Advice to beat that is short enough to know by heart: the folklore and a dozen evidence lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.decisions.cases import SIZES
from benchmarks.decisions.ranking import Answer
from benchmarks.decisions.table import Row

BY_COST = (
    "prompt",
    "prompt_optimisation",
    "long_context",
    "rag",
    "small_model_ft",
    "peft",
    "ft_unspecified",
    "full_ft",
    "icl_plus_ft",
    "rag_plus_ft",
    "preference",
    "rl",
    "cpt",
    "cpt_plus_rag",
)
"""Every family, least effort first."""
TUNING = ("peft", "ft_unspecified", "full_ft", "small_model_ft", "icl_plus_ft")
STYLE = {"style", "preference", "dialogue"}
NARROW = {"classification", "extraction", "structured_output", "structured_to_text", "tool_use"}
BROAD = {"qa_reasoning", "code", "domain_adaptation", "qa_knowledge"}
CHANGING = {"daily", "weekly", "monthly"}
NEW_CONTENT = 500_000
"""Examples from which full tuning beats adapters on new content (R17)."""


def folklore(row: Row) -> Answer:
    """Knowledge to retrieval, style or strict format to tuning, everything else to a prompt.

    Read kindly: a prompt is an optimised one, retrieval with a tuned reader counts as retrieval,
    and what people prefer counts as style.
    """
    scenario = row.scenario
    if scenario.get("has_document_corpus"):
        return _answer("rag", "rag_plus_ft")
    is_style = row.case.task_kind in STYLE or scenario.get("style_consistency_needed")
    if scenario.get("format_strictness") == "strict" or is_style:
        return _answer("full_ft", *TUNING)
    return _answer("prompt_optimisation", "prompt")


def evidence_tree(row: Row) -> Answer:
    """A dozen lines over the stated scenario, after the evidence's rules R2 to R20."""
    return _answer(*_by_scenario(row.case.task_kind, row.scenario))


def evidence_tree_with_score(row: Row) -> Answer:
    """The same dozen lines, told the measured prompted score (R1 and R3)."""
    scenario, kind = row.scenario, row.case.task_kind
    score = (scenario.get("current_baseline") or {}).get("prompted_best")
    advised = _by_scenario(kind, scenario)
    if score is None or kind == "preference":
        return _answer(*advised)
    if scenario.get("has_document_corpus"):
        return _answer(*(("prompt", "rag") if score >= 75 else advised))
    if score >= 90:
        return _answer("prompt_optimisation", "prompt")
    if score < 50 and kind not in BROAD:
        return _answer("icl_plus_ft", *TUNING)
    return _answer(*advised)


def _by_scenario(kind: str, scenario: Mapping[str, Any]) -> tuple[str, ...]:
    labels = scenario.get("n_labeled_examples")
    size = _largest(scenario.get("base_model") or "")
    strict = scenario.get("format_strictness") == "strict"
    if kind == "preference":  # R19
        return ("preference", "rl", *TUNING)
    if scenario.get("has_document_corpus") or scenario.get("knowledge_changes") in CHANGING:
        if (size is not None and size < 2 and size != 0.25) or strict:  # R5
            return ("rag_plus_ft", "rag")
        return ("long_context", "rag", "rag_plus_ft", "prompt_optimisation")  # R3, R7
    if labels is not None and labels < 50:  # R9
        return ("prompt_optimisation", "icl_plus_ft", "prompt", *TUNING)
    if labels is not None and labels >= NEW_CONTENT:  # R17
        return ("full_ft", *TUNING)
    if kind in BROAD:  # R2, R13, R15
        return ("prompt_optimisation", "rl", "icl_plus_ft", "prompt")
    if kind in NARROW:  # R2, R8
        return ("small_model_ft", "icl_plus_ft", *TUNING)
    return ("prompt_optimisation", "icl_plus_ft", "full_ft", *TUNING)  # R10, R13, R14


def _largest(model: str) -> float | None:
    sizes = [float(n) / (1000 if unit == "M" else 1) for n, unit in SIZES.findall(model)]
    small = re.search(r"t5-?small", model, re.IGNORECASE)
    return max(sizes, default=0.08 if small else None)


def _answer(*first: str) -> Answer:
    """The families named, then the rest by cost."""
    order = tuple(dict.fromkeys((*first, *BY_COST)))
    return Answer(families=order, first=order[:1])
