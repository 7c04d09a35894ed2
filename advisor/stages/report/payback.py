"""When tuning pays back, from what prompted and tuned answers took in this run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation
from advisor.schema.report import AnswerCost, CostLine, Payback
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.stages.report.costs import NO_PRICE, NO_RATE, answering_hours, is_own

ASSUMED = (
    "Prompts and answers stay as long as those of the test samples.",
    "Only training is paid back; labelling, measuring and people's time are not counted.",
    "Servers that wait for calls cost nothing here; the estimate's break-even counts them.",
)
ON_THIS_MACHINE = "An answer costs the time it took here, at the price of this machine's hour."


def payback(
    baselines: Baselines | None,
    verification: Verification | None,
    training: TrainResult | None,
    costs: Sequence[CostLine],
    *,
    usd_per_hour: float | None = None,
) -> Payback | None:
    """Prompted (the best baseline that asks a model) against tuned; None where one is missing."""
    best = _prompted(baselines)
    if best is None or verification is None or training is None:
        return None
    own = is_own(baselines)
    prompted = _answer_cost(best, own=own, rate=usd_per_hour)
    here = own or training.served_by.backend == "transformers"
    tuned = _answer_cost(verification.tuned, own=here, rate=usd_per_hour)
    setup = next((line.usd for line in costs if line.what == "training"), None)
    answers, never, because = _settled(prompted, tuned, setup)
    return Payback(
        tuned=tuned,
        prompted=prompted,
        setup_usd=setup,
        answers=answers,
        never=never,
        because=because,
        assumed=(*((ON_THIS_MACHINE,) if own or here else ()), *ASSUMED),
    )


def _prompted(baselines: Baselines | None) -> Evaluation | None:
    """The best baseline, or the best of those that ask a model where that one asks none."""
    if baselines is None:
        return None
    asked = [e for e in baselines.evaluations if e.asks_model]
    return max(asked, key=lambda e: (e.builder == baselines.best, e.value), default=None)


def _answer_cost(evaluation: Evaluation, *, own: bool, rate: float | None) -> AnswerCost:
    """Dollars for a thousand answers: hours here at their price, or what the service billed."""
    scores = evaluation.scores
    count = max(len(scores), 1)
    usd, because = None, NO_PRICE if own else NO_RATE
    if own and rate is not None:
        usd = answering_hours((evaluation,)) / count * 1000 * rate
        because = "time of the answers here x --usd-per-hour"
    elif not own and evaluation.usage.usd is not None:
        usd = evaluation.usage.usd / count * 1000
        because = "tokens the service counted x their price"
    return AnswerCost(
        system=evaluation.builder,
        prompt_tokens=fmean(s.completion.prompt_tokens for s in scores) if scores else 0.0,
        completion_tokens=fmean(s.completion.completion_tokens for s in scores) if scores else 0.0,
        usd_per_thousand=usd,
        because=because,
    )


def _settled(
    prompted: AnswerCost, tuned: AnswerCost, setup: float | None
) -> tuple[float | None, bool | None, str]:
    before, after = prompted.usd_per_thousand, tuned.usd_per_thousand
    if before is None or after is None:
        missing = [c for c in (prompted, tuned) if c.usd_per_thousand is None]
        return None, None, f"What an answer costs is unknown: {missing[0].because}."
    if after >= before:
        more = f"${after - before:.4f} more" if after > before else "as much"
        return None, True, f"A thousand tuned answers cost {more}; only the score speaks for them."
    saved = f"A thousand tuned answers cost ${before - after:.4f} less"
    if setup is None:
        return None, None, f"{saved}; what training cost is unknown."
    return setup / (before - after) * 1000, False, f"{saved}, which must carry ${setup:,.2f}."
