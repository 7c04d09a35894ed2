"""What to do next, in one or two sentences that hold for the facts at hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from advisor.approaches import NAMES
from advisor.rulebook.conditions import Facts
from advisor.rulebook.hanging import supposition
from advisor.rulebook.ordering import TUNING
from advisor.rulebook.trials import Trials
from advisor.schema.decide import Decision
from advisor.schema.rule import Approach

FEWEST_SAMPLES = 30
"""Below this many labelled samples a baseline tells nothing apart."""
LABEL_FIRST = "Label at least 30 samples first, so that anything can be measured."
DECIDING: dict[str, str] = {
    "measured.prompted_score": (
        "Measure zero-shot (`advisor baseline`): its score decides between {} and {}."
    ),
    "measured.closed_book_score": (
        "Ask the model without the documents (`advisor baseline`): its score decides between {}"
        " and {}."
    ),
}
"""Measurements that may turn the advice, with what to say of them; the likeliest to is named."""
OWN_CLASSIFIER = (
    "Measure a classifier on sentence embeddings: `advisor baseline --builders"
    " embedding_classifier`. Where it stays short, the encoder behind it is tuned: `advisor train"
    " --objective classification`."
)
BEFORE: dict[Approach, str] = {
    "prompting": "Measure the plain prompt first: `advisor baseline` on at least 30 test samples.",
    "few_shot": "Measure few-shot against the plain prompt: `advisor baseline`.",
    "prompt_optimisation": (
        "Measure the prompts, and one improved against its failures: `advisor baseline --builders"
        " zero_shot,few_shot,prompt_optimisation`."
    ),
    "long_context": (
        "Put all documents into the prompt and measure that against RAG: `advisor baseline"
        " --builders long_context,rag --docs FOLDER`."
    ),
    "rag": "Measure RAG against the plain prompt: `advisor baseline --docs FOLDER`.",
    "small_model": f"Measure the prompts first: `advisor baseline`. {OWN_CLASSIFIER}",
    "fine_tuning": "Measure the baselines first; `advisor gate` then says whether training pays.",
    "rag_plus_fine_tuning": "Measure RAG alone first; tune only if it stays short.",
    "preference_tuning": "Measure the prompts, tune on good answers, then on the pairs.",
    "continued_pretraining": "Measure how badly the base model reads the language, then train it.",
    "reinforcement": "Improve the prompt against the checker first; it is the cheaper half.",
    "collect_data": "Collect at least 30 labelled samples, so that anything can be measured.",
    "none": "Do not tune: what there is already does.",
}
AFTER: dict[Approach, str] = {
    "prompting": "Use the plain prompt.",
    "few_shot": "Use few-shot.",
    "prompt_optimisation": (
        "Improve the prompt against its measured failures and measure again: `advisor baseline"
        " --builders prompt_optimisation`."
    ),
    "long_context": "Put all documents into the prompt (builder long_context).",
    "rag": "Use RAG; keep the documents current instead of training.",
    "small_model": (
        "Tune a small encoder on the labels (`advisor train --objective classification` obeys the"
        " gate), then verify: `advisor verify`."
    ),
    "fine_tuning": "Train (`advisor train` obeys the gate), then verify: `advisor verify`.",
    "rag_plus_fine_tuning": "Tune on prompts that hold the passages you will serve, then verify.",
    "preference_tuning": "Tune on good answers first, then on the pairs, then verify.",
    "continued_pretraining": "Train on raw text first, then on answers, then verify.",
    "reinforcement": "Train against the checker, then verify.",
    "collect_data": "Collect more data (samples or documents) and measure again.",
    "none": "Do not tune: what there is already does.",
}
KEPT: dict[Approach, str] = {
    "prompt_optimisation": "Use the improved prompt.",
    "small_model": "Use the small model that was measured.",
    "none": "Do not tune: use the rule that was measured; it asks no model.",
}
"""What to do where an approach was measured and is enough, if that differs from `AFTER`."""
MET = "It meets what was asked."
WITHOUT_DOCUMENTS = "Gather the documents that hold the answers first, then measure RAG."
UNMEASURED: dict[Approach, tuple[str, str]] = {
    "few_shot": ("measured.few_shot_score", BEFORE["few_shot"]),
    "rag": ("measured.rag_score", BEFORE["rag"]),
    "rag_plus_fine_tuning": ("measured.rag_score", BEFORE["rag"]),
    "long_context": ("measured.long_context_score", BEFORE["long_context"]),
    "small_model": ("measured.small_model_score", OWN_CLASSIFIER),
}
"""After measuring: what is still to be measured where the approach's own score is missing."""
NOT_YET = (
    "Do not train yet: settle what the gate found wanting or could not see, then ask it again:"
    " `advisor gate`."
)
ON_DOCUMENTS: frozenset[Approach] = frozenset({"rag", "rag_plus_fine_tuning", "long_context"})


def next_step(trials: Trials, recommended: Approach, hangs_on: Sequence[str] = ()) -> str:
    """What to do next; it differs once baselines are measured, and names what would decide.

    `hangs_on`: unknown facts on which the recommendation hangs; what it supposes of them is said.
    """
    facts = trials.facts
    if "measured.best_score" in facts:
        return _after(recommended, facts)
    if recommended in ON_DOCUMENTS and _has_no_documents(facts):
        return WITHOUT_DOCUMENTS
    samples = facts.get("data.labelled_samples")
    if recommended == "collect_data":
        enough = samples is not None and float(samples) >= FEWEST_SAMPLES
        return AFTER[recommended] if enough else BEFORE[recommended]
    steps = [_deciding(trials, recommended) or BEFORE[recommended]]
    if samples is not None and float(samples) < FEWEST_SAMPLES:
        steps.insert(0, LABEL_FIRST)
    supposed = (supposition(trials, recommended, f) for f in hangs_on if f not in DECIDING)
    steps += islice(filter(None, supposed), 1)
    return " ".join(steps)


def after_gate(decision: Decision, *, trains: bool) -> str:
    """What to do once the gate has answered; training is named only where it said train."""
    is_against = not trains and decision.recommended in TUNING
    return NOT_YET if is_against else decision.next_step


def _after(recommended: Approach, facts: Facts) -> str:
    """What to do once baselines are measured."""
    own, measure = UNMEASURED.get(recommended, ("measured.best_score", ""))
    if own not in facts:
        unfounded = recommended in ON_DOCUMENTS and _has_no_documents(facts)
        return WITHOUT_DOCUMENTS if unfounded else measure
    is_met = facts.get("measured.target_met") is True and recommended in {
        "prompting",
        "few_shot",
        "prompt_optimisation",
        "long_context",
        "rag",
        "small_model",
        "none",
    }
    return f"{KEPT.get(recommended, AFTER[recommended])} {MET}" if is_met else AFTER[recommended]


def _has_no_documents(facts: Facts) -> bool:
    """Whether it is known that there is nothing to retrieve from."""
    if float(facts.get("knowledge.documents", 0)) >= 1:
        return False
    return facts.get("knowledge.documents") == 0 or facts.get("knowledge.in_documents") is False


def _deciding(trials: Trials, now: Approach) -> str | None:
    """The measurement most likely to turn the advice, and the two approaches it decides between."""
    found: list[tuple[float, str]] = []
    for fact, sentence in DECIDING.items():
        if fact in trials.facts:
            continue
        weights: dict[Approach, float] = {}
        for cell, known in trials.tries(fact):
            then = trials.advice_of(trials.firing_after(known, trials.touched(fact)), now)
            if then is not None:
                weights[then] = weights.get(then, 0.0) + cell.weight
        turned = {approach: weight for approach, weight in weights.items() if approach != now}
        if turned:
            other = max(turned, key=lambda approach: turned[approach])
            chance = sum(turned.values()) / sum(weights.values())
            found.append((chance, sentence.format(NAMES[now], NAMES[other])))
    return max(found, key=lambda pair: pair[0])[1] if found else None
