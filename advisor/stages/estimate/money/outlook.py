"""What comes beyond training: hosted tuning, serving, the whole bill, and when it pays back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from advisor.schema.base import UsdInterval
from advisor.schema.catalog import Gpu, HostedTuning
from advisor.schema.estimate import Option
from advisor.schema.spending import BreakEven, Serving, Spending
from advisor.stages.estimate.money.break_even import Rivals, Terms, break_evens
from advisor.stages.estimate.money.demand import demand
from advisor.stages.estimate.money.hosted import at_tokens
from advisor.stages.estimate.money.shares import Spent
from advisor.stages.estimate.money.spending import spending
from advisor.stages.estimate.money.ways import Hosting, Prospects, Ways, ways_of

__all__ = ["ONLY_MONEY", "Outlook", "Prospects", "outlook"]

ONLY_MONEY = (
    "Break-even compares money alone, without anybody's time; whether an answer is good enough is "
    "what baselines and verification measure."
)
_SETUP = ("baselines", "training", "evaluation", "storage")
"""Shares that tuning costs before it serves."""
_NO_HOSTING = Hosting((), None, -1)


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
    """The outlook of the chosen option on its GPU; without one, serving and hosted prices alone.

    What may not leave the user's machines is offered no host, no rented server and no break-even.
    """
    place = prospects.request.place
    if place == "own":
        return _at_home(prospects, option, gpu)
    ways, money = ways_of(prospects), prospects.supply.money
    wish, tokens = ways.wish, _tokens(option)
    hosting = _NO_HOSTING
    if option is not None and tokens and place == "anywhere":
        hosting = ways.hosting(option.plan.method, option.plan.objective)
    beside = at_tokens(hosting.prices, tokens)
    tuned = ways.tuned.serving if ways.tuned is not None else None
    bill = None
    if option is not None and gpu is not None:
        bill = spending(Spent(option, prospects.model, gpu, wish, money), tuned)
    terms = Terms(wish.months, wish.calls_per_month, ways.assumed)
    setups = list(_setups(ways, hosting, beside, bill))
    found = break_evens(setups, terms)
    served = (*ways.untuned, *(bid for bid in (ways.tuned, hosting.best) if bid is not None))
    return Outlook(
        hosted=beside,
        serving=tuple(bid.serving for bid in served),
        tuned=tuned,
        spending=bill,
        break_even=found,
        notes=(
            *wish.assumptions,
            *hosting.notes,
            *((ONLY_MONEY,) if found else ()),
        ),
    )


def _at_home(prospects: Prospects, option: Option | None, gpu: Gpu | None) -> Outlook:
    """The bill of a plan on the user's own card."""
    money = prospects.supply.money
    wish = demand(prospects.request, money)
    bill = None
    if option is not None and gpu is not None:
        bill = spending(Spent(option, prospects.model, gpu, wish, money), None)
    return Outlook((), (), None, bill, (), wish.assumptions)


def _tokens(option: Option | None) -> float:
    """Tokens of all epochs together."""
    if option is None:
        return 0.0
    plan = option.plan
    return (plan.tokens or (plan.examples or 0) * plan.sequence_length) * plan.epochs


def _setups(
    ways: Ways, hosting: Hosting, beside: Sequence[HostedTuning], bill: Spending | None
) -> Iterator[tuple[tuple[tuple[Rivals, ...], ...], UsdInterval]]:
    """Each tuned way with what must be paid before it serves, the plan's own way first."""
    if bill is None:
        return
    parts = {share.name: share.usd for share in bill.shares if share.name in _SETUP}
    if ways.tuned is not None and all(usd is not None for usd in parts.values()):
        yield ways.rivals, _sum(parts.values())
    if hosting.best is None:
        return
    usd = beside[hosting.place].training_usd or Decimal(0)
    parts["training"] = UsdInterval(low=usd, likely=usd, high=usd)
    yield hosting.rivals, _sum(parts.values())


def _sum(parts: Iterable[UsdInterval | None]) -> UsdInterval:
    """Of the amounts that are known."""
    known = [usd for usd in parts if usd is not None]
    return UsdInterval(
        low=sum((usd.low for usd in known), Decimal(0)),
        likely=sum((usd.likely for usd in known), Decimal(0)),
        high=sum((usd.high for usd in known), Decimal(0)),
    )
