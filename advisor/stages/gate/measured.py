"""Facts that baselines and estimate show: plain arithmetic, no judgement."""

from __future__ import annotations

from advisor.evaluation.detectable import detectable_gain
from advisor.evaluation.shared_ground import independent_samples
from advisor.schema.baseline import Baselines
from advisor.schema.estimate import Estimate, Option
from advisor.schema.evaluation import Evaluation
from advisor.schema.profile import MeasuredFacts, Profile
from advisor.stages.gate.failures import failure_shares, retrieval_recall
from advisor.stages.gate.systems import (
    RETRIEVAL,
    SEARCHES,
    approach_of,
    best_by_approach,
    best_evaluation,
    cheapest_sufficient,
    is_behind,
    is_plain_prompt,
    learns_from_train,
    small_model_leads,
)

LARGEST_LEAKED_SHARE = 0.1
"""Share of the test split beyond which a leak says that the split itself went wrong."""
FEWEST_CLEAN = 30
"""Scored samples below which a leak has taken too much of the test split."""
LOCAL = "local"
"""What the catalog calls this machine."""
OTHER = "other"
"""The approach of a system that stands for none of those the rules know."""


def measured_facts(
    *,
    baselines: Baselines,
    estimate: Estimate | None,
    profile: Profile,
    target: float | None,
) -> MeasuredFacts:
    """Everything the criteria ask for that baselines and estimate can answer; the rest is None.

    What was answered of the prompted scores stays where nothing measured replaces it.
    """
    constraints, asked = profile.constraints, profile.measured
    prompted = prompted_score(baselines)
    is_closed_book = profile.knowledge.in_documents is True
    best = best_evaluation(baselines)
    scores = best_by_approach(baselines)
    sufficient = cheapest_sufficient(baselines, target)
    gap = None if target is None else round(target - best.value, 6)
    smallest = smallest_visible_gain(best.value, independent_samples(best))
    option = nearest_option(estimate)
    budget = within(cost_usd(option), constraints.budget_usd)
    time = within_hours(option, constraints.max_hours)
    return MeasuredFacts(
        prompted_score=asked.prompted_score if prompted is None else prompted,
        closed_book_score=(
            prompted if prompted is not None and is_closed_book else asked.closed_book_score
        ),
        zero_shot_score=scores.get("prompting"),
        few_shot_score=scores.get("few_shot"),
        rag_score=scores.get(RETRIEVAL),
        prompt_optimisation_score=scores.get(SEARCHES),
        long_context_score=scores.get("long_context"),
        small_model_score=scores.get("small_model"),
        model_was_asked=any(e.asks_model for e in baselines.evaluations),
        retrieval_recall=retrieval_recall(baselines),
        small_model_leads=small_model_leads(baselines),
        small_model_is_behind=is_behind("small_model", baselines),
        rag_is_behind=is_behind(RETRIEVAL, baselines),
        long_context_is_behind=is_behind("long_context", baselines),
        **failure_shares(baselines),
        best_score=best.value,
        best_builder=best.builder,
        sufficient_builder=sufficient.builder if sufficient else None,
        sufficient_approach=(approach_of(sufficient) or OTHER) if sufficient else None,
        target_met=None if target is None else sufficient is not None,
        target_gap=gap,
        smallest_visible_gain=smallest,
        gain_is_visible=gain_is_visible(smallest, gap, is_met=sufficient is not None),
        leaked_samples=baselines.leaked_samples,
        test_is_clean=(
            is_clean(scored=tested(best), leaked=baselines.leaked_samples)
            and not is_memory(baselines, sufficient or best)
        ),
        tuning_fits=tuning_fits(estimate, is_limit_broken=budget is False or time is False),
        tuning_cost_usd=cost_usd(option),
        tuning_hours=hours(option),
        within_budget=budget,
        within_hours=time,
    )


def prompted_score(baselines: Baselines) -> float | None:
    """The best score of a prompt without passages or documents; None where none was measured."""
    plain = (e.value for e in baselines.evaluations if is_plain_prompt(e))
    return max(plain, default=None)


def tested(evaluation: Evaluation) -> int:
    """Samples of the test part that were to be asked, whether or not it ended early."""
    return evaluation.planned or evaluation.n + evaluation.unscored


def is_clean(*, scored: int, leaked: int) -> bool:
    """Whether no test sample leaked, or so few that the remainder to score can be trusted.

    Leaked samples are taken out before anything is scored, so the scores are honest; a leak of more
    than 10 % of the split, or one that leaves fewer than 30 samples, calls for a clean split.
    """
    if not leaked:
        return True
    return leaked <= LARGEST_LEAKED_SHARE * (scored + leaked) and scored >= FEWEST_CLEAN


def is_memory(baselines: Baselines, decisive: Evaluation) -> bool:
    """Whether the score that decides may be memory of the train part.

    So it is where the system learns from that part and more than 10 % of the test part are near
    copies of samples there; unlike true copies, near ones are scored.
    """
    near = baselines.near_leaked_samples
    return near > LARGEST_LEAKED_SHARE * tested(decisive) and learns_from_train(decisive)


def smallest_visible_gain(score: float, samples: float) -> float | None:
    """The smallest true gain over `score` that verification would show with 80 % power.

    An upper bound: systems that err on the same samples show smaller gains. None without samples.
    """
    return round(detectable_gain(samples, baseline=score), 6) if samples > 0 else None


def gain_is_visible(smallest: float | None, gap: float | None, *, is_met: bool) -> bool | None:
    """Whether the gap to the target stands out from chance; None where no gain is hoped for."""
    if smallest is None or gap is None or is_met:
        return None
    return smallest <= gap


def nearest_option(estimate: Estimate | None) -> Option | None:
    """The recommended option, else the first that fits its memory; None where there is neither."""
    if estimate is None:
        return None
    if estimate.recommended_option is not None:
        return estimate.recommended_option
    return next((option for option in estimate.options if option.fits is not False), None)


def tuning_fits(estimate: Estimate | None, *, is_limit_broken: bool) -> bool | None:
    """Whether some plan fits and can run; None where nothing was priced.

    Without a recommendation a fitting plan counts only if it was a limit of money or time that kept
    it from being recommended; otherwise something blocks it on this machine.
    """
    if estimate is None or not estimate.options:
        return None
    if estimate.recommended is not None:
        return True
    return nearest_option(estimate) is not None and is_limit_broken


def cost_usd(option: Option | None) -> float | None:
    """Likely cost of an option in US dollars; None where it is unknown."""
    return float(option.cost_usd.likely) if option and option.cost_usd else None


def hours(option: Option | None) -> float | None:
    """Likely time of an option in hours; None where it is unknown."""
    return option.time_hours.likely if option and option.time_hours else None


def stops_at_limit(option: Option | None) -> bool:
    """Whether the time is unknown beforehand and training, being here, is stopped at the limit."""
    return option is not None and option.gpu == LOCAL and option.time_hours is None


def within_hours(option: Option | None, limit: float | None) -> bool | None:
    """Whether training keeps to the time limit; None where only running it would tell."""
    return True if stops_at_limit(option) else within(hours(option), limit)


def within(amount: float | None, limit: float | None) -> bool | None:
    """Whether an amount keeps to a limit: True where no limit is given, None where unknown."""
    if limit is None:
        return True
    return None if amount is None else amount <= limit
