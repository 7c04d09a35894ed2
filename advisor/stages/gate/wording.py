"""What the gate saw, in sentences with the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from advisor.evaluation.shared_ground import independent_samples
from advisor.evaluation.sufficient import interval_among, is_recomputed, level_among
from advisor.schema.baseline import Baselines
from advisor.schema.diagnosis import CAUSE_WORDS, Cause
from advisor.schema.estimate import Estimate
from advisor.schema.evaluation import Evaluation
from advisor.schema.profile import Profile
from advisor.stages.gate.failures import FAILURES, enough, retrieves, told_by
from advisor.stages.gate.measured import is_memory, nearest_option, stops_at_limit, tested
from advisor.stages.gate.systems import best_evaluation, cheapest_sufficient
from advisor.units import seconds_from_hours, short_duration

NO_TARGET = (
    "No target was given, so no score can show that training is warranted; give one with"
    " --target (0 to 1) or as task.target in the answers"
)
NO_ESTIMATE = "No estimate was made, so whether tuning fits is unknown; run `advisor estimate`"


@dataclass(frozen=True)
class Sight:
    """Everything a sentence may draw on."""

    profile: Profile
    baselines: Baselines
    estimate: Estimate | None
    target: float | None


def seen(fact: str, sight: Sight) -> str:
    """What was seen of one fact, as a sentence without its full stop."""
    speaker = SPEAKERS.get(fact)
    if speaker is not None:
        return speaker(sight)
    group, _, name = fact.partition(".")
    value = getattr(getattr(sight.profile, group), name)
    return f"{fact} is unknown" if value is None else f"{fact} is {value}"


def percent(share: float) -> str:
    """A share as a percentage with at most one decimal: 0.883 -> '88.3 %'."""
    return f"{round(100 * share, 1):g} %"


def score_words(evaluation: Evaluation) -> str:
    """A builder's score with its interval: 'rag, reaches 83 % (90 % interval 78.6 to 87.4 %)'."""
    found = evaluation.interval
    span = f"{percent(found.level)} interval {round(100 * found.low, 1):g} to {percent(found.high)}"
    return f"{evaluation.builder}, reaches {percent(evaluation.value)} ({span})"


def target_words(sight: Sight) -> str:
    """How the baselines stand to the target."""
    if sight.target is None:
        return NO_TARGET
    sufficient = cheapest_sufficient(sight.baselines, sight.target)
    best = best_evaluation(sight.baselines)
    if sufficient is not None:
        which = "best" if sufficient.builder == best.builder else "cheapest sufficient"
        return (
            f"The {which} baseline, {score_words(sufficient)}, which meets the target of"
            f" {percent(sight.target)}{level_words(sufficient, sight.baselines)}"
        )
    head = f"The best baseline, {score_words(best)}"
    gap = sight.target - best.value
    if gap <= 0:
        return (
            f"{head}: at the target of {percent(sight.target)} or above it, but its interval"
            f" reaches below{level_words(best, sight.baselines)}"
        )
    return f"{head}, {100 * gap:.1f} points below the target of {percent(sight.target)}"


def level_words(evaluation: Evaluation, baselines: Baselines) -> str:
    """At which level the target is judged where several systems were measured; else empty."""
    systems = len(baselines.evaluations)
    if systems <= 1:
        return ""
    if evaluation.ended == "decided":
        return " (judged by the interval that ended it)"
    low = interval_among(evaluation, systems).low
    how = "" if is_recomputed(evaluation) else ", by its interval widened"
    level = f"{100 * level_among(systems):.1f} %"
    return f" (one of {systems} systems, so judged at {level}{how}: from {percent(low)})"


def gain_words(sight: Sight) -> str:
    """What the test split can show, against what is hoped for."""
    measured = sight.profile.measured
    samples = _samples_words(best_evaluation(sight.baselines))
    if measured.smallest_visible_gain is None:
        return "Without test samples no gain can be seen"
    smallest = f"{100 * measured.smallest_visible_gain:.1f} points"
    if measured.target_met:
        return f"{samples} show gains from {smallest}; the target is met, none is needed"
    if measured.target_gap is None:
        return f"{samples} show gains from {smallest}; without a target none is hoped for"
    gap = max(100 * measured.target_gap, 0.0)
    return f"{samples} show gains from {smallest}; the target is {gap:.1f} points away"


def _samples_words(best: Evaluation) -> str:
    """The samples a proof can pair, and how many independent ones those are worth."""
    worth = round(independent_samples(best))
    told = f"{best.n_to_prove_on} test samples"
    if worth >= best.n_to_prove_on:
        return told
    return f"{told}, worth {worth} independent ones since some share a document or group,"


SAYS_NOTHING: frozenset[Cause] = frozenset({"wrong"})
"""Causes that are not worth a sentence."""
ON_DOCUMENTS: frozenset[Cause] = frozenset({"not_retrieved", "not_in_documents"})
"""Causes that say nothing where answers do not come from documents, or none was shown."""
TELLING = 0.2
"""Share of the failures from which a cause is named."""


def failure_words(sight: Sight) -> str:
    """Where the best baseline's failures lie, the largest share that says something; else empty."""
    best = best_evaluation(sight.baselines)
    found = best.diagnosis
    if found is None or not enough(found):
        return ""
    from_documents = sight.profile.knowledge.in_documents is not False and retrieves(best)
    silent = SAYS_NOTHING | (frozenset() if from_documents else ON_DOCUMENTS)
    telling = [c for c in found.causes if c.cause not in silent]
    if not telling or telling[0].share < TELLING:
        return ""
    return f"{percent_whole(telling[0].share)} of the failures: {CAUSE_WORDS[telling[0].cause]}"


def percent_whole(share: float) -> str:
    """A share as a whole percentage: 0.414 -> '41 %'."""
    return f"{round(100 * share)} %"


def share_words(cause: Cause) -> Callable[[Sight], str]:
    """A speaker for the share of one cause."""

    def speak(sight: Sight) -> str:
        system = told_by(cause, sight.baselines)
        if system is None:
            return f"No system was shown passages, so nothing is known of: {CAUSE_WORDS[cause]}"
        found = system.diagnosis
        if found is None:
            return f"Why the answers of {system.builder} fail was not looked at"
        if not enough(found):
            return f"{system.builder} failed {found.failures} times, too few to tell shares of"
        share = percent_whole(found.share(cause))
        return f"{share} of the failures of {system.builder}: {CAUSE_WORDS[cause]}"

    return speak


def recall_words(sight: Sight) -> str:
    """How often a right passage was shown."""
    recall = sight.profile.measured.retrieval_recall
    if recall is None:
        return "How often the right passage is shown is unknown"
    return f"A right passage was shown for {percent(recall)} of the samples"


def sufficient_words(sight: Sight) -> str:
    """What the cheapest sufficient baseline stands for."""
    approach = sight.profile.measured.sufficient_approach
    if approach is None:
        return "No baseline suffices"
    if approach == "none":
        return "What suffices is a rule that asks no model"
    return f"What suffices is {APPROACHES.get(approach, 'a system of another kind')}"


def approach_score_words(fact: str, what: str) -> Callable[[Sight], str]:
    """A speaker for the score of one approach."""

    def speak(sight: Sight) -> str:
        score = getattr(sight.profile.measured, fact)
        if score is None:
            return f"{what} was not measured"
        return f"{what} reaches {percent(score)}"

    return speak


def ahead_words(fact: str, ahead: str, not_ahead: str) -> Callable[[Sight], str]:
    """A speaker for whether one system is clearly ahead of another."""

    def speak(sight: Sight) -> str:
        found = getattr(sight.profile.measured, fact)
        if found is None:
            return f"Not known whether {ahead}"
        return f"{ahead[:1].upper()}{ahead[1:]}" if found else not_ahead

    return speak


def leak_words(sight: Sight) -> str:
    """How many test samples stand in the train split, and how many were left to score."""
    leaked = sight.baselines.leaked_samples
    near = near_words(sight)
    if not leaked:
        return near or "No test sample stands in the train split"
    best = best_evaluation(sight.baselines)
    kept = tested(best)
    told = (
        f"{leaked} of {leaked + kept} test samples also in the train split and left out,"
        f" {best.n} scored"
    )
    return f"{told}; {near}" if near else told


def near_words(sight: Sight) -> str:
    """How many test samples nearly equal a train sample, where a score may be memory of them."""
    baselines = sight.baselines
    decisive = cheapest_sufficient(baselines, sight.target) or best_evaluation(baselines)
    if not is_memory(baselines, decisive):
        return ""
    return (
        f"{baselines.near_leaked_samples} of {tested(decisive)} test samples nearly equal a train"
        f" sample, and {decisive.builder} learns from those"
    )


def train_words(sight: Sight) -> str:
    """How many samples there are to train on."""
    count = sight.profile.data.train_samples
    return "The number of train samples is unknown" if count is None else f"{count} train samples"


def fit_words(sight: Sight) -> str:
    """Whether a plan fits, and which."""
    if sight.estimate is None or not sight.estimate.options:
        return NO_ESTIMATE
    option = nearest_option(sight.estimate)
    if option is None or not sight.profile.measured.tuning_fits:
        nearest = sight.estimate.nearest.rstrip(".")
        return f"No priced plan can be recommended{'; nearest: ' if nearest else ''}{nearest}"
    doubt = " (may fit; not certain)" if option.fits == "uncertain" else ""
    needed = option.memory.process_gib or option.memory.allocated_gib
    return f"{option.method} on {option.gpu} needs about {needed.likely:.2g} GiB{doubt}"


def budget_words(sight: Sight) -> str:
    """Cost against the budget; that there is none, or no cost to hold against it, is said first."""
    limit, cost = sight.profile.constraints.budget_usd, sight.profile.measured.tuning_cost_usd
    likely = "the cost is unknown" if cost is None else f"the likely cost is ${cost:.2f}"
    if limit is None:
        return f"Nothing to check: no budget was given; {likely}"
    if cost is None:
        return f"The cost is unknown, so whether it keeps to the budget of ${limit:g} is unknown"
    return f"The budget is ${limit:g}; {likely}"


def time_words(sight: Sight) -> str:
    """Time against the limit."""
    limit, hours = sight.profile.constraints.max_hours, sight.profile.measured.tuning_hours
    likely = "time unknown until training starts"
    if hours is not None:
        likely = f"likely time {short_duration(seconds_from_hours(hours))}"
    if limit is None:
        return f"Nothing to check: no time limit was given; {likely}"
    if stops_at_limit(nearest_option(sight.estimate)):
        return f"{likely[:1].upper()}{likely[1:]}; training stops at the limit of {limit:g} h"
    return f"The limit is {short_duration(seconds_from_hours(limit))}; {likely}"


def advice_words(sight: Sight) -> str:
    """What the decision rules say with the measured scores."""
    advised = sight.profile.measured.advised_approach
    if advised is None:
        return "No rule could advise anything after measuring"
    return f"After measuring, the advice is {APPROACHES.get(advised, advised)}"


APPROACHES = {
    "prompting": "the plain prompt",
    "few_shot": "the prompt with shots",
    "prompt_optimisation": "to improve the prompt",
    "long_context": "to put the documents into the prompt",
    "rag": "retrieval",
    "small_model": "a small model of its own",
    "fine_tuning": "to fine-tune",
    "rag_plus_fine_tuning": "retrieval with a tuned reader",
    "preference_tuning": "preference tuning",
    "continued_pretraining": "continued pre-training",
    "reinforcement": "reinforcement",
    "collect_data": "to collect data first",
    "none": "not to tune: a rule that asks no model does",
}


def asked_words(sight: Sight) -> str:
    """Whether any baseline asked a language model."""
    asked = [e.builder for e in sight.baselines.evaluations if e.asks_model]
    if asked:
        return f"{len(asked)} of {len(sight.baselines.evaluations)} baselines ask a language model"
    return "No baseline asks a language model"


SPEAKERS: dict[str, Callable[[Sight], str]] = {
    "data.train_samples": train_words,
    "measured.advised_approach": advice_words,
    "measured.gain_is_visible": gain_words,
    "measured.test_is_clean": leak_words,
    "measured.target_met": target_words,
    "measured.tuning_fits": fit_words,
    "measured.within_budget": budget_words,
    "measured.within_hours": time_words,
    "measured.model_was_asked": asked_words,
    "measured.retrieval_recall": recall_words,
    "measured.sufficient_approach": sufficient_words,
    **{
        f"measured.{fact}": approach_score_words(fact, what)
        for fact, what in {
            "zero_shot_score": "The plain prompt",
            "few_shot_score": "The prompt with shots",
            "prompt_optimisation_score": "The improved prompt",
            "long_context_score": "The prompt with all documents",
            "rag_score": "Retrieval",
            "small_model_score": "What learns from labels alone",
        }.items()
    },
    "measured.small_model_leads": ahead_words(
        "small_model_leads",
        "a small model is clearly ahead of the best plain prompt",
        "No small model is clearly ahead of the best plain prompt",
    ),
    **{
        f"measured.{fact}_is_behind": ahead_words(
            f"{fact}_is_behind",
            f"{what} is clearly behind the best of another approach",
            f"{what[:1].upper()}{what[1:]} is not clearly behind",
        )
        for fact, what in {
            "rag": "retrieval",
            "long_context": "the prompt with all documents",
            "small_model": "what learns from labels alone",
        }.items()
    },
    **{f"measured.failures_{cause}": share_words(cause) for cause in FAILURES},
}
