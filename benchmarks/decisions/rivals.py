"""Advice to beat that is short enough to know by heart: the folklore and a dozen evidence lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
FEW = 50
"""Examples below which a prompt does better (R9)."""
ENOUGH = 500
"""Examples from which tuning can teach more than a format (R14)."""
NEW_CONTENT = 500_000
"""Examples from which full tuning beats adapters on new content (R17)."""
SMALL_READER = 2.0
"""Billions of parameters below which tuning helps a reader of retrieved text (R5)."""
KNOWN, SOLVED, UNSOLVED = 75, 90, 50
"""Prompted scores: the model knows it (R3); nothing to gain; much to gain (R1)."""


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
    if score is None or kind == "preference":
        return evidence_tree(row)
    has_corpus = bool(scenario.get("has_document_corpus"))
    teachable = kind not in BROAD or (scenario.get("n_labeled_examples") or 0) >= ENOUGH
    lines = (
        (has_corpus and score >= KNOWN, ("prompt", "rag")),
        (not has_corpus and score >= SOLVED, ("prompt_optimisation", "prompt")),
        (not has_corpus and score < UNSOLVED and teachable, ("icl_plus_ft", *TUNING)),
    )
    return _first(lines, otherwise=_by_scenario(kind, scenario))


def _by_scenario(kind: str, scenario: Mapping[str, Any]) -> tuple[str, ...]:
    labels = scenario.get("n_labeled_examples")
    strict = scenario.get("format_strictness") == "strict"
    is_small = (_largest(scenario.get("base_model") or "") or SMALL_READER) < SMALL_READER
    changes = scenario.get("knowledge_changes") in CHANGING
    looks_up = bool(scenario.get("has_document_corpus")) or changes
    lines = (
        (kind == "preference", ("preference", "rl", *TUNING)),  # R19
        (looks_up and (is_small or strict), ("rag_plus_ft", "rag")),  # R5
        (looks_up, ("long_context", "rag", "rag_plus_ft", "prompt_optimisation")),  # R3, R7
        (labels is not None and labels < FEW, ("prompt_optimisation", "icl_plus_ft", "prompt")),
        (labels is not None and labels >= NEW_CONTENT, ("full_ft", *TUNING)),  # R17
        (kind in BROAD, ("prompt_optimisation", "rl", "icl_plus_ft", "prompt")),  # R2, R13, R15
        (kind in NARROW, ("small_model_ft", "icl_plus_ft", *TUNING)),  # R2, R8
    )
    likely = ("prompt_optimisation", "icl_plus_ft", "full_ft", *TUNING)  # R10, R13, R14
    return _first(lines, otherwise=likely).families


def _first(lines: Iterable[tuple[bool, tuple[str, ...]]], otherwise: tuple[str, ...]) -> Answer:
    return _answer(*next((families for holds, families in lines if holds), otherwise))


def _largest(model: str) -> float | None:
    sizes = [float(n) / (1000 if unit == "M" else 1) for n, unit in SIZES.findall(model)]
    small = re.search(r"t5-?small", model, re.IGNORECASE)
    return max(sizes, default=0.08 if small else None)


def _answer(*first: str) -> Answer:
    """The families named, then the rest by cost."""
    order = tuple(dict.fromkeys((*first, *BY_COST)))
    return Answer(families=order, first=order[:1])
