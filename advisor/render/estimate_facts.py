"""What an estimate says in words: the plan to take, what it rests on, what comes beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.estimate_grids import lengths_words
from advisor.render.grid import short_number, span, usd_short, usd_span
from advisor.render.memory_groups import cheapest, chosen
from advisor.render.money_grids import gain_words, pays_back, spending_words
from advisor.render.safe import fact_text, percent, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.estimate import Estimate, Option
    from advisor.schema.spending import BreakEven

RULE = "rule "
"""How a plan's reason begins for a field that a rule has filled."""
OWN = "local"
"""What the catalog calls this machine."""
MOST_PHASES = 3
MOST_HOSTED = 3


def estimate_facts(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """Name and words of what to do, what that rests on and what comes beyond."""
    if estimate.recommended is None:
        yield "Nearest", estimate.nearest
    else:
        yield from _choice(estimate, estimate.options[estimate.recommended])
    yield from _beyond(estimate)


def _choice(estimate: Estimate, option: Option) -> Iterator[tuple[str, str]]:
    told = f"{_where(option)}: {verdict_words(option)}; {_figures(option)}"
    yield "Recommended", f"{told}{_instead_of_cheapest(estimate)}"
    yield "Plan", _settings(option)
    advised = _advised(option)
    if advised:
        yield "Advised", advised
    for name, place in (("Cheapest", cheapest(estimate)), ("Fastest", estimate.fastest)):
        if place not in (None, estimate.recommended):
            other = estimate.options[place or 0]
            yield name, f"{_where(other)}: {_figures(other)}"
    assumed = _assumed(option)
    if assumed:
        yield "Assumed", assumed
    if estimate.lengths is not None:
        yield "Data", lengths_words(estimate.lengths)
    yield "Peak", _peak(option)
    if option.energy_kwh is not None:
        carbon = f", {short_number(option.co2_kg.likely)} kg CO2" if option.co2_kg else ""
        yield "Energy", f"{short_number(option.energy_kwh.likely)} kWh{carbon}"


def _advised(option: Option) -> str:
    """'rank 64, alpha 128 (rank-for-much-data); epochs 5 (...)': what rules set for the data."""
    by_rule: dict[str, list[str]] = {}
    for field, why in option.plan.reasons.items():
        if why.startswith(RULE):
            told = f"{words(field)} {fact_text(getattr(option.plan, field))}"
            by_rule.setdefault(why.removeprefix(RULE), []).append(told)
    return "; ".join(f"{', '.join(told)} ({rule})" for rule, told in by_rule.items())


def _where(option: Option) -> str:
    return f"{words(option.method)} on {devices(option)}{_seller(option)}"


def _figures(option: Option) -> str:
    return f"{span(option.time_hours)} h, {usd_span(option.cost_usd)}"


def _instead_of_cheapest(estimate: Estimate) -> str:
    """'; fastest within the budget of $50; cheapest: $0.33-0.70 (...)', or nothing."""
    place = cheapest(estimate)
    if not estimate.recommended_as or place is None:
        return ""
    usd = usd_span(estimate.options[place].cost_usd)
    return f"; {estimate.recommended_as}; cheapest: {usd} (--prefer cheapest)"


def _seller(option: Option) -> str:
    offer = option.offer
    if offer is not None and offer.kind == "own":
        return "" if option.gpu == OWN else " (your own card)"
    if offer is None:
        return ""
    kind = "" if offer.kind == "on_demand" else f" ({words(offer.kind)} price)"
    return f" from {offer.provider}{kind}"


def _peak(option: Option) -> str:
    """'backward 16.8 GiB, loss 16.3, backward end 16.0, load 15.0'."""
    memory = option.memory
    others = sorted(
        ((gib, phase) for phase, gib in memory.phases_gib.items() if phase != memory.peak_phase),
        reverse=True,
    )
    told = ", ".join(f"{words(phase)} {short_number(gib)}" for gib, phase in others[:MOST_PHASES])
    top = f"{words(memory.peak_phase)} {short_number(memory.allocated_gib.likely)} GiB"
    return f"{top}, {told}" if told else top


def _assumed(option: Option) -> str:
    """What the amount of work rests on, where nobody said it."""
    plan = option.plan
    guessed = [
        f"{count} {what} ({flag})"
        for field, count, what, flag in (
            ("examples", plan.examples, "samples", "--examples"),
            ("sequence_length", plan.sequence_length, "tokens each", "--seq-len"),
        )
        if count and plan.reasons.get(field, "").startswith("recipe") and plan.tokens is None
    ]
    return f"{', '.join(guessed)}; or --data" if guessed else ""


def sentence(option: Option) -> str:
    """The plan in one sentence."""
    return f"{option.method} on {devices(option)}{_seller(option)}, {_settings(option)}."


def _settings(option: Option) -> str:
    plan = option.plan
    objective = "" if plan.objective == "sft" else f"{plan.objective}, "
    rank = f"rank {plan.rank}, " if plan.rank else ""
    packed = f", {plan.base_bits}-bit base" if plan.base_bits < 16 else ""
    shared = f", {plan.strategy} over {plan.gpus} GPUs" if plan.gpus > 1 else ""
    return (
        f"{objective}{rank}batch {plan.micro_batch_size} x {plan.gradient_accumulation_steps}"
        f"{_in_all(option)}, {plan.sequence_length} tokens, {plan.epochs:g} epochs, learning rate "
        f"{plan.learning_rate:g}, {plan.precision}{packed}{shared}"
    )


def _in_all(option: Option) -> str:
    """Samples per update over all devices, where there are several."""
    plan = option.plan
    if plan.gpus == 1 or plan.strategy == "layer_split":
        return ""
    return f" x {plan.gpus}"


def devices(option: Option) -> str:
    """The GPU, with the count where there are several."""
    return f"{option.gpus} x {option.gpu}" if option.gpus > 1 else option.gpu


def verdict_words(option: Option) -> str:
    """'fits, 97 %', 'may fit, 60 %' or 'does not fit, <1 %'."""
    verdict = "may fit" if option.fits == "uncertain" else "fits" if option.fits else "does not fit"
    return ", ".join(part for part in (verdict, chance(option)) if part)


def chance(option: Option) -> str:
    """How sure it is that the plan fits: '97 %', '>99 %'; nothing where that is unknown."""
    share = option.probability_fits
    if share is None:
        return ""
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else percent(share, 0)


def _beyond(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """Name and words of what costs beyond training, a line or two each."""
    spending = chosen(estimate).spending
    if spending is not None:
        yield "Whole plan", spending_words(spending)
    hosted = _hosted_words(estimate)
    if hosted:
        yield "Hosted", hosted
    yield from (("Pays back", told) for told in _paybacks(estimate))


def _paybacks(estimate: Estimate) -> Iterator[str]:
    """For each place where the tuned model answers, the plan's own first; then what was assumed.

    Who names no volume did not ask: one rival each is enough then.
    """
    found = estimate.break_even
    is_asked = any(item.gain_usd_per_month is not None for item in found)
    for served in dict.fromkeys(item.served for item in found):
        items = [item for item in found if item.served == served]
        items = items if is_asked else items[:1]
        first, *others = map(_payback, items)
        told = "; ".join((first, *(other.replace(" calls a month", "", 1) for other in others)))
        yield f"{_server(estimate, items[0])}{told}"
    assumed = found[0].assumed if found else ()
    if assumed and is_asked:
        yield f"assuming {'; '.join(assumed)}"
    elif assumed:
        yield "for calls of assumed length; more: --calls-per-month, --explain"


def _server(estimate: Estimate, item: BreakEven) -> str:
    """'LoRA on h100, served on 2 x l4, setup $3.09-20: ', as far as that is known."""
    option = chosen(estimate)
    parts = [item.served] if item.served else []
    if item.served.startswith("served on"):
        parts.insert(0, f"{words(option.method)} on {devices(option)}")
    if item.setup_usd is not None:
        is_own = option.offer is not None and option.offer.kind == "own"
        free = " beside the own machine's time" if is_own else ""
        parts.append(f"setup {usd_span(item.setup_usd)}{free}")
    return f"{', '.join(parts)}: " if parts else ""


def _payback(item: BreakEven) -> str:
    volumes = item.calls_per_month
    is_unlikely = item.never or volumes is None or volumes.likely is None
    why = f": {item.because.rstrip('.')}" if is_unlikely else ""
    gain = item.gain_usd_per_month
    told = f", at your volume it {gain_words(gain)}" if gain else ""
    return f"{pays_back(item)} vs {item.against}{told}{why}"


def _hosted_words(estimate: Estimate) -> str:
    """The cheapest price of each provider."""
    by_provider: dict[str, str] = {}
    for price in estimate.hosted:
        if price.training_usd is not None:
            usd = usd_short(float(price.training_usd))
            by_provider.setdefault(price.provider, f"{price.provider} ({price.model}) {usd}")
    cheapest = list(by_provider.values())
    more = len(cheapest) - MOST_HOSTED
    told = ", ".join(cheapest[:MOST_HOSTED])
    return f"tuning at {told}" + (f"; {more} more" if more > 0 else "") if told else ""
