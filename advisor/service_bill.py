"""What a tuning service will ask for a job, compared with the budget before the job is made."""

from __future__ import annotations

import re

from advisor.artifacts import today
from advisor.catalog.hosted import hosted_tuning
from advisor.catalog.tokenisation import SMALL_VOCABULARY, tokenisation
from advisor.contracts import Bill, Billing, Trainer
from advisor.data_check.sequences import counted_tokens
from advisor.errors import PlanError
from advisor.schema.base import Interval
from advisor.schema.train import TrainJob

DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
"""How a service names a version of a model by its day."""
MILLION = 1_000_000


def expected_bill(job: TrainJob, trainer: Trainer, *, budget_usd: float | None) -> str:
    """What a job at a service will cost, as a sentence; empty where nobody knows or nothing is due.

    The price per token is the user's, else the catalog's; tokens are estimated from the text.
    Raises PlanError where there is a budget and the job may cost more, or at a price unknown.
    """
    if not trainer.info.spends_money:
        return ""
    is_billing = isinstance(trainer, Billing)
    bill = trainer.bill(job.plan) if isinstance(trainer, Billing) else None
    if is_billing and bill is None:
        return ""
    price = _price(bill, job.plan.objective) if bill else None
    if bill is None or price is None:
        if budget_usd is not None:
            raise _unpriced(trainer, bill, budget_usd)
        return ""
    tokens = _tokens(job, bill.epochs)
    likely, most = (price * count / MILLION for count in (tokens.likely, tokens.high))
    told = (
        f"About {tokens.likely:,.0f} tokens are billed by {bill.host} at {price:g} USD per million:"
        f" {likely:.2f} USD, at most about {most:.2f}."
    )
    if budget_usd is not None and most > budget_usd:
        raise PlanError(
            f"The budget is {budget_usd:g} USD. {told}",
            hint="Raise --budget-usd, or train on fewer samples or for fewer epochs.",
            where=f"trainer {trainer.info.id}",
        )
    return told


def _price(bill: Bill, objective: str) -> float | None:
    """USD per million tokens: as stated, else the highest that the catalog has for the model."""
    if bill.usd_per_million_tokens is not None:
        return bill.usd_per_million_tokens
    labels = bill.host.partition(":")[0].split(".")
    name = DATED.sub("", bill.model)
    found = [
        float(price.usd_per_million_training_tokens)
        for price in hosted_tuning(today())
        if price.provider in labels[-2:-1]
        and price.model in (name, bill.model)
        and objective in price.objectives
    ]
    return max(found, default=None)


def _tokens(job: TrainJob, epochs: float) -> Interval:
    """Billed tokens of all epochs; of pairs both answers may count."""
    counts, ratio = counted_tokens(
        job.train_samples, job.instruction, tokenisation(SMALL_VOCABULARY)
    )
    total = sum(counts) * epochs
    is_paired = any(sample.rejected is not None for sample in job.train_samples)
    high = total * ratio.high * (2 if is_paired else 1)
    return Interval(low=total * ratio.low, likely=total, high=high)


def _unpriced(trainer: Trainer, bill: Bill | None, budget_usd: float) -> PlanError:
    info = trainer.info
    what = (
        f"what {bill.host} asks for tuning {bill.model}" if bill else f"what '{info.id}' will cost"
    )
    hint = "Leave the budget out, and pay whatever it costs"
    if bill:
        hint = f"State it: --option usd_per_million_tokens=NUMBER. Or: {hint[0].lower()}{hint[1:]}"
    return PlanError(
        f"The budget is {budget_usd:g} USD, and nobody knows {what}.",
        hint=f"{hint}.",
        where=f"trainer {info.id}",
    )
