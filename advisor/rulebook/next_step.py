"""What to do next, in one sentence per approach."""

from __future__ import annotations

from advisor.rulebook.conditions import Facts
from advisor.schema.rule import Approach

NOTHING_KNOWN = (
    "Not enough is known to advise anything. Say what the task is (task.kind), whether the answers"
    " stand in documents (knowledge.in_documents) and how many labelled samples there are"
    " (data.labelled_samples); `advisor interview` asks."
)
BEFORE: dict[Approach, str] = {
    "prompting": "Measure the plain prompt first: `advisor baseline` on at least 30 test samples.",
    "few_shot": "Measure a prompt with shots against the plain one: `advisor baseline`.",
    "prompt_optimisation": "Measure the prompts, then improve the best one against its failures.",
    "long_context": "Put all documents into the prompt and measure that against retrieval.",
    "rag": "Measure retrieval against the plain prompt: `advisor baseline --docs FOLDER`.",
    "small_model": "Measure the prompts first, then train a small classifier on the same samples.",
    "fine_tuning": "Measure the baselines first; `advisor gate` then says whether training pays.",
    "rag_plus_fine_tuning": "Measure retrieval alone first; tune only if it stays short.",
    "preference_tuning": "Measure the prompts, tune on good answers, then on the pairs.",
    "continued_pretraining": "Measure how badly the base model reads the language, then train it.",
    "reinforcement": "Improve the prompt against the checker first; it is the cheaper half.",
    "collect_data": "Collect at least 30 labelled samples, so that anything can be measured.",
    "none": "Leave things as they are.",
}
AFTER: dict[Approach, str] = {
    "prompting": "Use the plain prompt; it meets what was asked.",
    "few_shot": "Use the prompt with shots.",
    "prompt_optimisation": "Improve the prompt against its measured failures and measure again.",
    "long_context": "Put all documents into the prompt and measure that against retrieval.",
    "rag": "Use retrieval; keep the documents current instead of training.",
    "small_model": "Train a small classifier on the same samples and measure it.",
    "fine_tuning": "Let the gate decide: `advisor gate`, then `advisor train`.",
    "rag_plus_fine_tuning": "Tune on prompts that hold the passages you will serve, then verify.",
    "preference_tuning": "Tune on good answers first, then on the pairs, then verify.",
    "continued_pretraining": "Train on raw text first, then on answers, then verify.",
    "reinforcement": "Train against the checker, then verify.",
    "collect_data": "Collect more data (samples or documents) and measure again.",
    "none": "Leave things as they are.",
}


def next_step(recommended: Approach | None, facts: Facts) -> str:
    """One sentence; it differs once baselines are measured."""
    if recommended is None:
        return NOTHING_KNOWN
    measured = "measured.best_score" in facts
    return (AFTER if measured else BEFORE)[recommended]
