"""Shows an estimate: methods side by side against the card, then the terms behind a number."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from advisor.render.terminal import (
    UNKNOWN,
    bar,
    make_table,
    only_ascii,
    plain,
    show_warnings,
    styled,
    tick,
)
from advisor.schema.base import Interval, UsdInterval
from advisor.schema.estimate import Estimate, Option
from advisor.units import short_count

MOST_ROWS = 8
BAR_WIDTH = 8
NARROW = 14


def shown_options(estimate: Estimate) -> list[int]:
    """Which options a table shows: all when few, else each method's best and then the next."""
    places = range(len(estimate.options))
    best = {estimate.options[i].method: i for i in reversed(places)}
    rest = [i for i in places if i not in best.values()]
    return sorted([*best.values(), *rest[: max(MOST_ROWS - len(best), 0)]])


def show_estimate(console: Console, estimate: Estimate) -> None:
    """The table, the recommended plan in words, warnings and what was assumed."""
    model = estimate.model
    shown = shown_options(estimate)
    ascii_only = only_ascii(console)
    table = make_table(
        "",
        "Method",
        "GPU",
        "Memory per device",
        "Hours",
        "Cost",
        right=(4, 5),
        title=f"{model.id}, {short_count(model.parameters)} parameters",
    )
    for place in shown:
        option = estimate.options[place]
        marked = "bold" if place == estimate.recommended else ""
        table.add_row(
            tick(None if option.fits == "uncertain" else option.fits, ascii_only=ascii_only),
            plain(option.method, NARROW, style=marked),
            plain(_devices(option), NARROW, style=marked),
            _memory(option, ascii_only=ascii_only),
            styled(_hours(option.time_hours)),
            styled(_money(option.cost_usd)),
        )
    console.print(table)
    hidden = len(estimate.options) - len(shown)
    if hidden:
        console.print(styled(f"{hidden} more options: --json, or name a card with --gpu.", "dim"))
    _show_choice(console, estimate, shown)


def _devices(option: Option) -> str:
    return f"{option.gpus} x {option.gpu}" if option.gpus > 1 else option.gpu


def _card_gib(option: Option) -> float:
    """Memory of the card, from what the option says of itself."""
    return option.headroom_gib + _process(option).likely


def _process(option: Option) -> Interval:
    memory = option.memory
    return memory.process_gib or memory.reserved_gib or memory.allocated_gib


def _memory(option: Option, *, ascii_only: bool) -> Text:
    likely, card = _process(option).likely, _card_gib(option)
    style = "yellow" if option.fits == "uncertain" else "green" if option.fits else "red"
    drawn = Text(bar(likely / card, BAR_WIDTH, ascii_only=ascii_only), style=style)
    return drawn.append(f" {_short(likely)} of {_short(card)} GiB", style="default")


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def _hours(hours: Interval | None) -> str:
    return UNKNOWN if hours is None else f"{_short(hours.low)}-{_short(hours.high)}"


def _money(cost: UsdInterval | None) -> str:
    if cost is None:
        return UNKNOWN
    if cost.high == 0:
        return "$0"
    return f"${_short(float(cost.low))}-{_short(float(cost.high))}"


def _show_choice(console: Console, estimate: Estimate, shown: Sequence[int]) -> None:
    if estimate.recommended is None:
        console.print(styled("Nothing can be recommended.", "bold yellow"))
        console.print(plain(estimate.nearest))
        first = estimate.options[shown[0]]
    else:
        first = estimate.options[estimate.recommended]
        console.print(plain(f"Recommended: {sentence(first)}", style="bold"))
    show_warnings(console, [*estimate.warnings, *first.warnings])
    for note in first.assumptions:
        console.print(plain(f"- {note}", style="dim"))
    console.print(styled(f"Prices as of {estimate.prices_as_of}.", "dim"))


def sentence(option: Option) -> str:
    """The plan in one sentence."""
    plan = option.plan
    rank = f", rank {plan.rank}" if plan.rank else ""
    batch = f"batch {plan.micro_batch_size} x {plan.gradient_accumulation_steps}"
    is_rented = option.offer is not None and option.offer.kind != "own"
    seller = f" from {option.offer.provider}" if option.offer and is_rented else ""
    return (
        f"{option.method} on {_devices(option)}{seller}{rank}, {batch}, {plan.sequence_length} "
        f"tokens, {plan.epochs:g} epochs, learning rate {plan.learning_rate:g}, {plan.precision}."
    )


def show_terms(console: Console, estimate: Estimate) -> None:
    """Every term of each method's best option: size, formula, inputs and where it comes from."""
    seen: set[str] = set()
    for place in shown_options(estimate):
        option = estimate.options[place]
        if option.method not in seen:
            seen.add(option.method)
            _show_option_terms(console, option)


def _show_option_terms(console: Console, option: Option) -> None:
    memory = option.memory
    total = memory.allocated_gib
    table = make_table(
        "Term",
        "GiB",
        "Formula and source",
        right=(1,),
        title=f"{option.method} on {_devices(option)}: peak in phase {memory.peak_phase}",
    )
    for term in memory.terms:
        inputs = ", ".join(f"{k} {_input(v)}" for k, v in term.inputs.items())
        source = f"{term.provenance.kind}: {term.provenance.source}"
        table.add_row(
            plain(term.name),
            styled(f"{term.gib:.2f}"),
            plain(f"{term.formula} [{source}] {inputs}"),
        )
    console.print(table)
    for name, tier in (
        ("allocated (sum of the terms)", total),
        ("reserved by the allocator", memory.reserved_gib),
        ("whole process", memory.process_gib),
    ):
        if tier is not None:
            console.print(styled(f"{name}: {tier.likely:.2f} GiB ({tier.low:.2f}-{tier.high:.2f})"))
    for field, reason in sorted(option.plan.reasons.items()):
        value = getattr(option.plan, field, None)
        console.print(plain(f"- {field} = {value}: {reason}", style="dim"))


def _input(value: float | str) -> str:
    return value if isinstance(value, str) else short_count(value)
