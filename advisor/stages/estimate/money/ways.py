"""Every way of answering, tuned and untuned: what is the same whichever plan is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from advisor.schema.catalog import HostedTuning, InferencePrice, ModelCard
from advisor.schema.estimate import EstimateRequest
from advisor.schema.freshness import is_stale
from advisor.schema.spending import Serving
from advisor.stages.estimate.money.bids import quoted_bid, rented_bid
from advisor.stages.estimate.money.break_even import Rivals, match
from advisor.stages.estimate.money.demand import Demand, demand
from advisor.stages.estimate.money.hosted import (
    Quote,
    hosted_tuned,
    hosting_notes,
    is_near,
    offering,
    prompted_by_token,
    sized_by_token,
)
from advisor.stages.estimate.money.rental import Supply
from advisor.stages.estimate.money.tariffs import Bid

_KEPT = 32


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


class Hosting(NamedTuple):
    """Providers that tune such a model, and the cheapest that also bills its answers by token."""

    prices: tuple[HostedTuning, ...]
    best: Bid | None
    place: int
    """Of the cheapest among the prices."""
    rivals: tuple[tuple[Rivals, ...], ...] = ()
    """The cheapest beside every untuned way, by approach."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ways:
    """The ways of answering under one demand."""

    prospects: Prospects
    wish: Demand
    untuned: tuple[Bid, ...]
    tuned: Bid | None
    """The tuned model on rented GPUs."""
    rivals: tuple[tuple[Rivals, ...], ...]
    """The same beside every untuned way, by approach."""
    assumed: tuple[str, ...] = ()
    """What a break-even rests on because nobody said otherwise."""
    _hostings: dict[tuple[str, str], Hosting] = field(default_factory=dict)

    def hosting(self, method: str, objective: str) -> Hosting:
        """What providers offer for a method and an objective, looked up once."""
        key = (method, objective)
        if key not in self._hostings:
            self._hostings[key] = _hosting(self, method, objective)
        return self._hostings[key]


_ways: dict[tuple[object, ...], Ways] = {}


def ways_of(prospects: Prospects) -> Ways:
    """The ways for a model, a demand and a day, remembered for the last ones asked for."""
    request = prospects.request
    wish = demand(request, prospects.supply.money)
    lists = (prospects.supply, prospects.hosted, prospects.inference)
    named = request.workload.large_model
    key = (prospects.model.id, wish, named, request.as_of, *map(id, lists))
    known = _ways.get(key)  # it holds the lists, so that their ids are theirs alone
    if known is not None and _is_same(known.prospects, prospects):
        if known.prospects.model is not prospects.model:  # the next time they are the same object
            _ways[key] = known = replace(known, prospects=prospects)
        return known
    if len(_ways) >= _KEPT:
        _ways.clear()
    untuned = tuple(_dated(bid, request.as_of) for bid in _untuned(prospects, wish))
    tuned = rented_bid("fine_tuning", prospects.model, wish, prospects.supply)
    if tuned is not None:
        tuned = _dated(tuned, request.as_of)
    met = () if tuned is None else match(tuned, untuned)
    found = Ways(prospects, wish, untuned, tuned, met, _assumed(wish, prospects))
    _ways[key] = found
    return found


def _assumed(wish: Demand, prospects: Prospects) -> tuple[str, ...]:
    """What a break-even rests on because nobody said otherwise."""
    drift = prospects.supply.money.token_prices.interval
    call = wish.assumed_call()
    months = prospects.request.workload.months is None
    return (
        *((f"tokens of a call: {call}",) if call else ()),
        f"prices per token times {drift.low:g}-{drift.high:g}",
        *((f"{wish.months:g} months of service",) if months else ()),
        "people's time not counted",
    )


def _is_same(known: Prospects, asked: Prospects) -> bool:
    return (known.model is asked.model or known.model == asked.model) and (
        known.large is asked.large or known.large == asked.large
    )


def _dated(bid: Bid, as_of: str) -> Bid:
    """The same, with a note where its price was last checked long ago."""
    return bid._replace(serving=_with_age(bid.serving, as_of))


def _with_age(serving: Serving, as_of: str) -> Serving:
    checked = serving.provenance.as_of
    if not as_of or not is_stale(checked, as_of):
        return serving
    note = f"The price of {serving.provider} was last checked on {checked}."
    return serving.model_copy(update={"notes": (*serving.notes, note)})


def _untuned(prospects: Prospects, wish: Demand) -> Iterator[Bid]:
    """Prompted large, few-shot and RAG, on rented GPUs and at providers that bill tokens.

    An encoder writes nothing, so it can neither be shown examples nor passages.
    """
    money, supply, prices = prospects.supply.money, prospects.supply, prospects.inference
    model, large = prospects.model, prospects.large
    named = prospects.request.workload.large_model or money.large_model
    quotes: list[Quote | None] = [prompted_by_token(prices, named, wish, money)]
    rented: list[Bid | None] = []
    if large is not None:
        quotes += sized_by_token(prices, large.parameters, wish, money, approaches=("prompting",))
        rented.append(rented_bid("prompting", large, wish, supply))
    yield from (quoted_bid(quote, wish, money) for quote in quotes if quote is not None)
    yield from (bid for bid in rented if bid is not None)
    if model.kind == "encoder":
        return
    sized = sized_by_token(prices, model.parameters, wish, money, approaches=("few_shot", "rag"))
    yield from (quoted_bid(quote, wish, money) for quote in sized)
    shown = (rented_bid("few_shot", model, wish, supply), rented_bid("rag", model, wish, supply))
    yield from (bid for bid in shown if bid is not None)


def _hosting(ways: Ways, method: str, objective: str) -> Hosting:
    prospects, wish = ways.prospects, ways.wish
    money, parameters = prospects.supply.money, prospects.model.parameters
    prices = offering(prospects.hosted, parameters, money, method, objective)
    found = []
    for place, price in enumerate(prices):
        serving = hosted_tuned(price, wish) if is_near(price, parameters) else None
        if serving is not None and serving.usd_per_thousand_calls is not None:
            usd = serving.usd_per_thousand_calls.likely
            found.append((usd, serving.provider, place, Quote(serving, price)))
    notes = hosting_notes(prices, wish.months, money)
    if not found:
        return Hosting(prices, None, -1, notes=notes)
    *_, place, quote = min(found, key=lambda entry: entry[:3])
    best = _dated(quoted_bid(quote, wish, money), prospects.request.as_of)
    return Hosting(prices, best, place, match(best, ways.untuned), notes)
