"""What the run has cost so far, part by part; what is not known is None, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from advisor.schema.base import Provenance
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation, Usage
from advisor.schema.report import CostLine
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification
from advisor.units import hours_from_seconds

OWN = "this machine"
"""The source that a price of a model on this machine names."""
NO_PRICE = "it ran on this machine, whose price an hour was not given (--usd-per-hour)"
NO_RATE = "the price of the model's tokens is not known (--prices)"
NOT_KEPT = "its tokens and its time are not recorded"
EMBEDDING = ("few_shot_similar", "rag", "rag_few_shot", "nearest_neighbour", "embedding_classifier")
"""Systems that turn texts into vectors."""


def is_own(baselines: Baselines | None) -> bool:
    """Whether the model answers on this machine, where time costs and tokens do not."""
    bill = baselines.bill if baselines else None
    if bill is None:
        return True
    return bill.price is not None and bill.price.provenance.source == OWN


def costs(
    baselines: Baselines | None,
    training: TrainResult | None,
    verification: Verification | None,
    *,
    usd_per_hour: float | None = None,
) -> tuple[CostLine, ...]:
    """Every part that was done, in the order of the stages."""
    own, rate = is_own(baselines), usd_per_hour
    found: list[CostLine] = []
    if baselines is not None:
        found.extend(_asked("answers of the baselines", baselines.evaluations, own=own, rate=rate))
        found.extend(_searched(baselines.evaluations, own=own, rate=rate))
        found.extend(_judged(baselines))
        found.extend(_embedded(baselines.evaluations))
    if training is not None:
        found.append(_trained(training, rate))
    if verification is not None:
        here = own or (training is not None and training.served_by.backend == "transformers")
        tuned = (verification.tuned,)
        found.extend(_asked("answers of the tuned model", tuned, own=here, rate=rate))
        if verification.probes:
            found.append(_unkept("asking the probes, before and after", NOT_KEPT))
    return tuple(found)


def known(lines: Sequence[CostLine]) -> float | None:
    """Sum of what is known; None where nothing is."""
    amounts = [line.usd for line in lines if line.usd is not None]
    return sum(amounts) if amounts else None


def answering_hours(evaluations: Sequence[Evaluation]) -> float:
    """Hours that a model on this machine took for these answers; a batch's time is shared out."""
    asked = (e for e in evaluations if e.asks_model)
    return hours_from_seconds(sum(s.completion.latency_ms for e in asked for s in e.scores) / 1000)


def _asked(
    what: str, evaluations: Sequence[Evaluation], *, own: bool, rate: float | None
) -> Iterator[CostLine]:
    asked = [e for e in evaluations if e.asks_model]
    if not asked:
        return
    tokens = sum(e.usage.prompt_tokens + e.usage.completion_tokens for e in asked)
    if own:
        yield _timed(what, answering_hours(asked), rate, tokens=tokens)
    else:
        yield _billed(what, [e.usage for e in asked])


def _searched(
    evaluations: Sequence[Evaluation], *, own: bool, rate: float | None
) -> Iterator[CostLine]:
    """Searches over prompts and settings; on this machine at the speed of the system's answers."""
    searched = [e for e in evaluations if e.fitting is not None and e.fitting.calls]
    usages = [e.fitting for e in searched if e.fitting is not None]
    if not searched:
        return
    if not own:
        yield _billed("searches over prompts and settings", usages)
        return
    tokens = sum(u.prompt_tokens + u.completion_tokens for u in usages)
    line = _timed("searches over prompts and settings", None, rate, tokens=tokens)
    yield line.model_copy(update={"because": "its time is not recorded"})


def _judged(baselines: Baselines) -> Iterator[CostLine]:
    if "judge" not in baselines.manifest.metric:
        return
    bill = baselines.bill
    spent = bill.spent_usd if bill else None
    told = "" if spent is None else f"; the bill of the last measurement, all in, is {spent:.4f}"
    yield _unkept("the judge", f"its share of the bill is not kept by itself{told}")


def _embedded(evaluations: Sequence[Evaluation]) -> Iterator[CostLine]:
    if any(e.builder in EMBEDDING for e in evaluations):
        yield _unkept("embedding of samples and documents", NOT_KEPT)


def _trained(training: TrainResult, rate: float | None) -> CostLine:
    hours = hours_from_seconds(training.wall_seconds)
    if training.usd is None:
        return _timed("training", hours, rate)
    return CostLine(
        what="training",
        usd=training.usd,
        hours=hours,
        provenance=Provenance(
            kind="measured", source="the trainer's bill, all attempts at this job together"
        ),
    )


def _timed(
    what: str, hours: float | None, rate: float | None, *, tokens: int | None = None
) -> CostLine:
    """Hours of this machine at its price."""
    usd = None if rate is None or hours is None else hours * rate
    formula = "hours measured here x --usd-per-hour" if usd is not None else "hours measured here"
    return CostLine(
        what=what,
        usd=usd,
        hours=hours,
        tokens=tokens,
        because="" if usd is not None else NO_PRICE,
        provenance=Provenance(
            kind="measured" if usd is None else "computed", source=formula if hours else "not kept"
        ),
    )


def _billed(what: str, usages: Sequence[Usage]) -> CostLine:
    """Tokens at the price the service asks, whoever paid for them first."""
    amounts = [usage.usd for usage in usages]
    usd = None if any(amount is None for amount in amounts) else sum(a or 0.0 for a in amounts)
    return CostLine(
        what=what,
        usd=usd,
        tokens=sum(u.prompt_tokens + u.completion_tokens for u in usages),
        because=NO_RATE if usd is None else "",
        provenance=Provenance(kind="computed", source="tokens the service counted x their price"),
    )


def _unkept(what: str, because: str) -> CostLine:
    return CostLine(
        what=what,
        usd=None,
        because=because,
        provenance=Provenance(kind="assumed", source="not measured"),
    )
