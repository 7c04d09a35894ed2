"""What comes beyond training: hosted tuning, serving, the whole bill, and when it pays back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from advisor.schema.base import UsdInterval
from advisor.schema.catalog import Gpu, HostedTuning, InferencePrice, ModelCard
from advisor.schema.estimate import EstimateRequest, Option
from advisor.schema.freshness import is_stale
from advisor.schema.spending import BreakEven, Serving, Spending
from advisor.stages.estimate.break_even import break_evens
from advisor.stages.estimate.demand import Demand, demand
from advisor.stages.estimate.hosted import (
    hosted_beside,
    hosted_tuned,
    hosting_notes,
    is_near,
    prompted_by_token,
    sized_by_token,
)
from advisor.stages.estimate.serving import Supply, self_hosted
from advisor.stages.estimate.spending import Spent, spending

ONLY_MONEY = (
    "Break-even compares money alone, at today's prices per token; whether an answer is good "
    "enough is what baselines and verification measure."
)
_SETUP = ("training", "evaluation", "storage")
"""Shares that tuning costs beyond serving."""


@dataclass(frozen=True)
class Prospects:
    """Everything that the money beyond training is computed from."""

    request: EstimateRequest
    model: ModelCard
    supply: Supply
    hosted: Sequence[HostedTuning] = ()
    inference: Sequence[InferencePrice] = ()
    large: ModelCard | None = None
    """The model that tuning is compared with, where it can be served on GPUs."""


@dataclass(frozen=True)
class Outlook:
    """What an estimate adds once an option is chosen."""

    hosted: tuple[HostedTuning, ...]
    serving: tuple[Serving, ...]
    tuned: Serving | None
    """The tuned model on rented GPUs."""
    spending: Spending | None
    """Of the chosen option."""
    break_even: tuple[BreakEven, ...]
    notes: tuple[str, ...]


def outlook(prospects: Prospects, option: Option | None, gpu: Gpu | None = None) -> Outlook:
    """The outlook of the chosen option on its GPU; without one, serving and hosted prices alone."""
    wish = demand(prospects.request, prospects.supply.money)
    beside = _beside(prospects, option)
    untuned = tuple(_untuned(prospects, wish))
    tuned = self_hosted("fine_tuning", prospects.model, wish, prospects.supply)
    by_token = _hosted_tuned(prospects, beside, wish)
    bill = None
    if option is not None and gpu is not None:
        spent = Spent(option, prospects.model, gpu, wish, prospects.supply.money)
        bill = spending(spent, tuned)
    setups = list(_setups(tuned, by_token, bill, beside))
    served = _told_age(
        (*untuned, *(s for s in (tuned, by_token) if s is not None)), prospects.request.as_of
    )
    found = break_evens(setups, untuned, months=wish.months, calls_per_month=wish.calls_per_month)
    return Outlook(
        hosted=beside,
        serving=served,
        tuned=tuned,
        spending=bill,
        break_even=found,
        notes=(
            *wish.assumptions,
            *hosting_notes(beside, wish.months, prospects.supply.money),
            *((ONLY_MONEY,) if found else ()),
        ),
    )


def _told_age(found: Sequence[Serving], as_of: str) -> tuple[Serving, ...]:
    """The same, with a note where a price was last checked long ago."""
    return tuple(_with_age(s, as_of) for s in found)


def _with_age(serving: Serving, as_of: str) -> Serving:
    checked = serving.provenance.as_of
    if not as_of or not is_stale(checked, as_of):
        return serving
    note = f"The price of {serving.provider} was last checked on {checked}."
    return serving.model_copy(update={"notes": (*serving.notes, note)})


def _beside(prospects: Prospects, option: Option | None) -> tuple[HostedTuning, ...]:
    if option is None:
        return ()
    plan = option.plan
    per_epoch = plan.tokens or (plan.examples or 0) * plan.sequence_length
    if not per_epoch:
        return ()
    return hosted_beside(
        prospects.hosted,
        parameters=prospects.model.parameters,
        tokens=per_epoch * plan.epochs,
        money=prospects.supply.money,
        method=plan.method,
        objective=plan.objective,
    )


def _untuned(prospects: Prospects, wish: Demand) -> Iterator[Serving]:
    """Prompted large, few-shot and RAG, on rented GPUs and at providers that bill tokens.

    An encoder writes nothing, so it can neither be shown examples nor passages.
    """
    money, supply = prospects.supply.money, prospects.supply
    named = prospects.request.workload.large_model or money.large_model
    yield from prompted_by_token(prospects.inference, named, wish, money)
    if prospects.large is not None:
        yield from sized_by_token(
            prospects.inference,
            prospects.large.parameters,
            wish,
            money,
            approaches=("prompting",),
        )
        rented = self_hosted("prompting", prospects.large, wish, supply)
        if rented is not None:
            yield rented
    if prospects.model.kind == "encoder":
        return
    yield from sized_by_token(
        prospects.inference, prospects.model.parameters, wish, money, approaches=("few_shot", "rag")
    )
    few_shot = self_hosted("few_shot", prospects.model, wish, supply)
    rag = self_hosted("rag", prospects.model, wish, supply)
    yield from (serving for serving in (few_shot, rag) if serving is not None)


def _hosted_tuned(
    prospects: Prospects, beside: Sequence[HostedTuning], wish: Demand
) -> Serving | None:
    """The tuned model of that size at the cheapest provider that bills its tokens."""
    near = [p for p in beside if is_near(p, prospects.model.parameters)]
    found = [s for s in (hosted_tuned(p, wish) for p in near) if s is not None]

    def usd(serving: Serving) -> tuple[Decimal, str]:
        per_call = serving.usd_per_thousand_calls
        return (per_call.likely if per_call else Decimal("Infinity"), serving.provider)

    return min(found, key=usd, default=None)


def _setups(
    tuned: Serving | None,
    by_token: Serving | None,
    bill: Spending | None,
    beside: Sequence[HostedTuning],
) -> Iterator[tuple[Serving, UsdInterval]]:
    """Each tuned serving with what tuning costs for it."""
    parts = [s.usd for s in bill.shares if s.name in _SETUP] if bill is not None else []
    amounts = [usd for usd in parts if usd is not None]
    if tuned is not None and parts and len(amounts) == len(parts):
        yield (
            tuned,
            UsdInterval(
                low=sum((a.low for a in amounts), Decimal(0)),
                likely=sum((a.likely for a in amounts), Decimal(0)),
                high=sum((a.high for a in amounts), Decimal(0)),
            ),
        )
    for price in beside:
        is_it = by_token is not None and (price.provider, price.model) == (
            by_token.provider,
            by_token.model,
        )
        if by_token is not None and is_it and price.training_usd is not None:
            usd = price.training_usd
            yield by_token, UsdInterval(low=usd, likely=usd, high=usd)
            return
