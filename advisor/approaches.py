"""The one table of what approaches are called; quick to load, it needs no schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.schema.rule import Approach

NAMES: dict[Approach, str] = {
    "prompting": "prompting",
    "few_shot": "few-shot",
    "prompt_optimisation": "prompt optimisation",
    "long_context": "long context",
    "rag": "RAG",
    "small_model": "small model",
    "fine_tuning": "fine-tuning",
    "rag_plus_fine_tuning": "RAG + fine-tuning",
    "preference_tuning": "preference tuning",
    "reinforcement": "reinforcement learning",
    "continued_pretraining": "continued pre-training",
    "collect_data": "collecting data",
    "none": "none",
}
"""How every sentence, table and page names an approach; `rules/language/` may explain the name."""
