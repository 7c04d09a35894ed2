"""Providers that bill tokens: tuning and answering, beside own or rented GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from advisor.schema.base import Provenance, UsdInterval
from advisor.schema.catalog import HostedTuning, InferencePrice
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach, Serving
from advisor.stages.estimate.money.decoding import Call
from advisor.stages.estimate.money.demand import Demand
from advisor.stages.estimate.money.serving import at_volume
from advisor.stages.estimate.money.tariffs import Tariff
from advisor.units import round_usd

NEAR = 1.25
"""Factor by which a named model's size may differ from the asked one."""
_MILLION = Decimal(1_000_000)
_FINEST = Decimal("0.0001")
NOTHING = UsdInterval(low=Decimal(0), likely=Decimal(0), high=Decimal(0))
HOSTING_NOTE = (
    "A provider that names no price per token for the tuned model mostly serves it on dedicated "
    "GPUs, billed by the hour whether it is called or not."
)


def is_near(price: HostedTuning | InferencePrice, parameters: int) -> bool:
    """Whether a price is for models of about that size."""
    low, high = price.at_least_parameters, price.up_to_parameters
    if low is not None or high is not None:
        return (low or 0) <= parameters and (high is None or parameters <= high)
    if price.parameters is None:
        return False
    return 1 / NEAR <= price.parameters / parameters <= NEAR


def _does(price: HostedTuning, method: str, objective: str) -> bool:
    way = "full" if method == "full" else "lora"
    return (not price.methods or way in price.methods) and objective in price.objectives


def hosted_beside(
    prices: Sequence[HostedTuning],
    *,
    parameters: int,
    tokens: float,
    money: Money,
    method: str = "lora",
    objective: str = "sft",
) -> tuple[HostedTuning, ...]:
    """Hosted tuning of models of that size, and of the named closed ones, cheapest first.

    `tokens` are those of all epochs together; each price gets `training_usd` for them. Where a
    provider does not offer the method, its nearest is shown: every adapter counts as LoRA.
    """
    return at_tokens(offering(prices, parameters, money, method, objective), tokens)


def offering(
    prices: Sequence[HostedTuning], parameters: int, money: Money, method: str, objective: str
) -> tuple[HostedTuning, ...]:
    """Those that do the method and objective for models of that size, cheapest first."""
    found = (
        price
        for price in prices
        if _does(price, method, objective)
        and (is_near(price, parameters) or price.model in money.hosted_references)
    )
    return tuple(
        sorted(found, key=lambda p: (p.usd_per_million_training_tokens, p.provider, p.model))
    )


def at_tokens(prices: Sequence[HostedTuning], tokens: float) -> tuple[HostedTuning, ...]:
    """The same with what so many tokens cost."""
    millions = Decimal(str(tokens)) / _MILLION
    return tuple(
        price.model_copy(
            update={"training_usd": round_usd(price.usd_per_million_training_tokens * millions)}
        )
        for price in prices
    )


def hosting_notes(prices: Sequence[HostedTuning], months: float, money: Money) -> tuple[str, ...]:
    """What serving the hosted results adds where it is billed by the hour."""
    by_hour = [p for p in prices if p.hosting_usd_per_hour is not None]
    if not by_hour:
        return (HOSTING_NOTE,) if prices else ()
    cheapest = min(by_hour, key=lambda p: p.hosting_usd_per_hour or Decimal(0))
    rate = cheapest.hosting_usd_per_hour or Decimal(0)
    hours = Decimal(str(money.hours_per_month.interval.likely * months))
    bill = (
        f"The cheapest such host, {cheapest.provider}, takes ${rate} an hour from each GPU: "
        f"${round_usd(rate * hours):,} in {months:g} months."
    )
    return (HOSTING_NOTE, bill)


def _tiers(prices: Iterable[InferencePrice], prompt: float) -> Iterator[InferencePrice]:
    """One price per provider and model: that of the highest tier the prompt reaches."""
    best: dict[tuple[str, str], InferencePrice] = {}
    for price in prices:
        key = (price.provider, price.model)
        reached = price.above_prompt_tokens <= prompt
        if reached and (
            key not in best or best[key].above_prompt_tokens < price.above_prompt_tokens
        ):
            best[key] = price
    yield from best.values()


class Quote(NamedTuple):
    """A way of answering at a provider, and the price it rests on."""

    serving: Serving
    price: InferencePrice | HostedTuning


def cheapest(
    approach: ServedApproach, prices: Iterable[InferencePrice], wish: Demand, money: Money
) -> Quote | None:
    """The cheapest of the prices for an approach, built only for the winner."""
    call = wish.call(approach)

    def usd(price: InferencePrice) -> tuple[Decimal, str]:
        return _priced(call, price, wish.calls_per_month, money)[1], price.provider

    best = min(_tiers(prices, call.prompt), key=usd, default=None)
    return None if best is None else Quote(hosted(approach, best, wish, money), best)


def prompted_by_token(
    prices: Sequence[InferencePrice], model: str, wish: Demand, money: Money
) -> Quote | None:
    """The named model of a provider, prompted."""
    named = [p for p in prices if p.model == model and not p.is_tuned]
    return cheapest("prompting", named, wish, money)


def sized_by_token(
    prices: Sequence[InferencePrice],
    parameters: int,
    wish: Demand,
    money: Money,
    *,
    approaches: Sequence[ServedApproach],
) -> tuple[Quote, ...]:
    """Open models of that size, each approach at the cheapest provider."""
    near = [p for p in prices if not p.is_tuned and is_near(p, parameters)]
    found = (cheapest(approach, near, wish, money) for approach in approaches)
    return tuple(quote for quote in found if quote is not None)


def _per_thousand(call: Call, in_usd: Decimal, out_usd: Decimal) -> Decimal:
    tokens_in, tokens_out = Decimal(str(call.prompt)), Decimal(str(call.answer))
    return (1000 * (tokens_in * in_usd + tokens_out * out_usd) / _MILLION).quantize(_FINEST)


def _saved(call: Call, price: InferencePrice, money: Money) -> Decimal:
    """Dollars per thousand calls less where the provider has kept the shared beginning."""
    kept = price.usd_per_million_cached_tokens
    if kept is None or call.shared < money.cached_from_tokens.interval.likely:
        return Decimal(0)
    less = price.usd_per_million_input_tokens - kept
    return (1000 * Decimal(str(call.shared)) * less / _MILLION).quantize(_FINEST)


def _is_kept(calls: float | None, money: Money) -> bool:
    """Whether calls come so often that a provider keeps what they share."""
    minutes = money.hours_per_month.interval.likely * 60
    return calls is not None and calls * money.cached_minutes.interval.likely >= minutes


def hosted(approach: ServedApproach, price: InferencePrice, wish: Demand, money: Money) -> Serving:
    """A model of a provider that bills tokens: no memory, no minimum, no idle hours.

    Where the provider names a price for the beginning that prompts share, that is the low end, and
    the likely one too when calls come often enough.
    """
    call = wish.call(approach)
    low, likely, high = _priced(call, price, wish.calls_per_month, money)
    usd = UsdInterval(low=low, likely=likely, high=high)
    return at_volume(_by_token(approach, call, usd, price), wish.calls_per_month)


def _priced(
    call: Call, price: InferencePrice, calls: float | None, money: Money
) -> tuple[Decimal, Decimal, Decimal]:
    """Dollars per thousand calls: low, likely, high."""
    full = _per_thousand(
        call, price.usd_per_million_input_tokens, price.usd_per_million_output_tokens
    )
    low = full - _saved(call, price, money)
    return low, low if _is_kept(calls, money) else full, full


def tariff(
    approach: ServedApproach, price: InferencePrice | HostedTuning, wish: Demand, money: Money
) -> Tariff | None:
    """The likely tariff of a price at a demand."""
    call = wish.call(approach)
    if isinstance(price, InferencePrice):
        likely = _priced(call, price, wish.calls_per_month, money)[1]
        return Tariff(0.0, float(likely) / 1000)
    per_in, per_out = price.usd_per_million_input_tokens, price.usd_per_million_output_tokens
    if per_in is None or per_out is None:
        return None
    return Tariff(0.0, float(_per_thousand(call, per_in, per_out)) / 1000)


def hosted_tuned(price: HostedTuning, wish: Demand) -> Serving | None:
    """The tuned model where its provider answers with it; None when that price is unknown."""
    call = wish.call("fine_tuning")
    per_in, per_out = price.usd_per_million_input_tokens, price.usd_per_million_output_tokens
    if per_in is None or per_out is None:
        return None
    exact = _per_thousand(call, per_in, per_out)
    usd = UsdInterval(low=exact, likely=exact, high=exact)
    return at_volume(_by_token("fine_tuning", call, usd, price), wish.calls_per_month)


def _by_token(
    approach: ServedApproach, call: Call, usd: UsdInterval, price: InferencePrice | HostedTuning
) -> Serving:
    return Serving(
        approach=approach,
        model=price.model,
        is_hosted=True,
        provider=price.provider,
        prompt_tokens=call.prompt,
        answer_tokens=call.answer,
        memory_gib=None,
        gpu=None,
        minimum_usd_per_month=NOTHING,
        filled_usd_per_thousand_calls=usd,
        usd_per_thousand_calls=usd,
        provenance=Provenance(
            kind="table", source=price.source, as_of=price.checked, note=price.note
        ),
    )
