"""Ways of answering with what they cost at either end of everything nobody stated."""

from __future__ import annotations

from collections.abc import Callable

from advisor.schema.catalog import ModelCard
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach
from advisor.stages.estimate.money.demand import Demand
from advisor.stages.estimate.money.hosted import Quote, tariff
from advisor.stages.estimate.money.rental import Supply, cheapest_rental, rental_tariff
from advisor.stages.estimate.money.serving import rented
from advisor.stages.estimate.money.tariffs import Bid, Tariff


def rented_bid(
    approach: ServedApproach, model: ModelCard, wish: Demand, supply: Supply
) -> Bid | None:
    """The cheapest rented server; it is kept, whatever a call turns out to hold.

    The spreads of its speed and of its rent stand in the serving itself.
    """
    rental = cheapest_rental(approach, model, wish, supply)
    if rental is None:
        return None
    money = supply.money
    ends = _ends(approach, wish, lambda moved: rental_tariff(approach, rental, moved, money))
    return Bid(rented(approach, rental, wish, money), ends)


def quoted_bid(quote: Quote, wish: Demand, money: Money) -> Bid:
    """A provider that bills tokens, whose prices may change while the model serves."""
    approach = quote.serving.approach

    def priced(moved: Demand) -> Tariff:
        return tariff(approach, quote.price, moved, money) or Tariff(0.0, 0.0)

    ends = _ends(approach, wish, priced)
    drift, likely = money.token_prices.interval, priced(wish).per_call
    prices = f"prices of {quote.serving.provider}"
    ends[prices] = (Tariff(0.0, likely * drift.low), Tariff(0.0, likely * drift.high))
    return Bid(quote.serving, ends)


def _ends(
    approach: ServedApproach, wish: Demand, priced: Callable[[Demand], Tariff]
) -> dict[str, tuple[Tariff, Tariff]]:
    """Tariffs at both ends of every kind of tokens that a call of the approach holds."""
    call = wish.call(approach)
    return {
        name: (priced(low), priced(high))
        for name, low, high in wish.ends
        if low.call(approach) != call or high.call(approach) != call
    }
