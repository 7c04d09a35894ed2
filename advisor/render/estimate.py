"""Shows an estimate: methods side by side against the card, the plan to take, what to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from advisor.render.estimate_bars import show_bars
from advisor.render.estimate_beyond import beyond_facts, show_serving
from advisor.render.estimate_checks import show_checks
from advisor.render.estimate_grids import lengths_words
from advisor.render.explain import show_terms
from advisor.render.grid import short_number, span, usd_span
from advisor.render.memory_groups import card_sizes, chosen, drawn_options, mark_of, process
from advisor.render.terminal import (
    in_letters,
    make_table,
    only_ascii,
    percent,
    plain,
    safe_text,
    show_facts,
    show_warnings,
    styled,
    words,
)
from advisor.units import short_count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from advisor.schema.estimate import Estimate, Option

__all__ = ["sentence", "show_estimate", "show_terms"]

MOST_ROWS = 8
MOST_REMARKS = 6
MOST_PHASES = 3
NARROW = 17
RANKED = "Ranked: what fits, then what is allowed, then the cheapest."
_FIT_STYLES = {True: "green", False: "red", "uncertain": "yellow"}


def show_estimate(console: Console, estimate: Estimate, *, asked: str = "") -> None:
    """Table, bars, the plan to take and the most important remarks; `asked` is the model's name.

    What lies behind the figures is shown by `show_terms`.
    """
    shown = drawn_options(estimate.options, MOST_ROWS)
    _show_model(console, estimate, asked)
    _show_table(console, estimate, shown)
    show_bars(console, shown, cards=card_sizes(estimate.options))
    console.print()
    show_warnings(console, estimate.warnings)
    if estimate.recommended is None and not estimate.warnings:
        console.print(styled("No plan can be recommended.", "bold yellow"))
    show_facts(console, _facts(estimate))
    show_checks(console, estimate)
    show_serving(console, estimate)
    _show_remarks(console, chosen(estimate))
    _show_footer(console, estimate, hidden=len(estimate.options) - len(shown))


def _show_model(console: Console, estimate: Estimate, asked: str) -> None:
    model = estimate.model
    size = f"{short_count(model.parameters)} parameters"
    if model.active_parameters and model.active_parameters != model.parameters:
        size += f", {short_count(model.active_parameters)} of them active per token"
    name = safe_text(model.id)
    said = safe_text(asked)
    means = f"{said} means " if said and said.lower() != name.lower() else ""
    console.print(styled(f"{means}{name}: {size}", "bold"))


def _show_table(console: Console, estimate: Estimate, shown: Sequence[Option]) -> None:
    ascii_only = only_ascii(console)
    cards = card_sizes(estimate.options)
    places = {id(option): place for place, option in enumerate(estimate.options)}
    headers = ("Method", "GPU", "Fits", "GiB of card", "Hours", "Cost", "")
    table = make_table(*headers, right=(3, 4, 5))
    for column in table.columns:
        column.no_wrap = True
    widths = [len(header) for header in headers]
    for option in shown:
        place = places[id(option)]
        texts = (
            words(option.method),
            devices(option),
            fit_words(option),
            f"{short_number(process(option).likely)} of {cards[option.gpu]:.0f}",
            span(option.time_hours),
            usd_span(option.cost_usd),
            mark_of(estimate, place).replace(", ", ",\n"),
        )
        bold = "bold" if place == estimate.recommended else ""
        styles = [bold, bold, _FIT_STYLES[option.fits], "", "", "", "bold green"]
        cells = [
            plain(in_letters(text, ascii_only=ascii_only), NARROW, style=style)
            for text, style in zip(texts[:-1], styles[:-1], strict=True)
        ]
        cells.append(styled(texts[-1], styles[-1]))
        table.add_row(*cells)
        widths = [max(old, _cells(new)) for old, new in zip(widths, cells, strict=True)]
    gap = int(sum(widths) + 2 * len(headers) + 1 <= console.width)
    table.padding = (0, gap, 0, 0)
    console.print(table)


def _cells(text: Text) -> int:
    """Columns of the longest line."""
    return max(map(len, text.plain.split("\n")))


def devices(option: Option) -> str:
    """The GPU, with the count where there are several."""
    return f"{option.gpus} x {option.gpu}" if option.gpus > 1 else option.gpu


def fit_words(option: Option) -> str:
    """'yes 97 %', 'maybe 60 %' or 'no <1 %'."""
    word = "maybe" if option.fits == "uncertain" else "yes" if option.fits else "no"
    return f"{word} {_chance(option)}".rstrip()


def _chance(option: Option) -> str:
    share = option.probability_fits
    if share is None:
        return ""
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else percent(share, 0)


def _facts(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """What to do, what it rests on and what comes beyond, each under its name."""
    if estimate.recommended is None:
        yield "Nearest", estimate.nearest
    else:
        yield from _choice(estimate, estimate.options[estimate.recommended])
    yield from beyond_facts(estimate)


def _choice(estimate: Estimate, option: Option) -> Iterator[tuple[str, str]]:
    fits = "fits" if option.fits is True else "may fit"
    sure = ", ".join(part for part in (fits, _chance(option)) if part)
    yield "Recommended", f"{_where(option)}: {sure}; {_figures(option)}"
    yield "Plan", _settings(option)
    if estimate.fastest not in (None, estimate.recommended):
        quick = estimate.options[estimate.fastest or 0]
        yield "Fastest", f"{_where(quick)}: {_figures(quick)}"
    assumed = _assumed(option)
    if assumed:
        yield "Assumed", assumed
    if estimate.lengths is not None:
        yield "Data", lengths_words(estimate.lengths)
    yield "Peak", _peak(option)
    if option.energy_kwh is not None:
        carbon = f", {short_number(option.co2_kg.likely)} kg CO2" if option.co2_kg else ""
        yield "Energy", f"{short_number(option.energy_kwh.likely)} kWh{carbon}"


def _where(option: Option) -> str:
    return f"{words(option.method)} on {devices(option)}{_seller(option)}"


def _figures(option: Option) -> str:
    return f"{span(option.time_hours)} h, {usd_span(option.cost_usd)}"


def _seller(option: Option) -> str:
    is_rented = option.offer is not None and option.offer.kind != "own"
    return f" from {option.offer.provider}" if option.offer and is_rented else ""


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
    rank = f"rank {plan.rank}, " if plan.rank else ""
    packed = (
        ", 4-bit base" if plan.base_bits == 4 else ", 8-bit base" if plan.base_bits == 8 else ""
    )
    return (
        f"{rank}batch {plan.micro_batch_size} x {plan.gradient_accumulation_steps}, "
        f"{plan.sequence_length} tokens, {plan.epochs:g} epochs, learning rate "
        f"{plan.learning_rate:g}, {plan.precision}{packed}"
    )


def _show_remarks(console: Console, option: Option) -> None:
    """What to know of the plan; how much more there is is said, not shown."""
    found = list(dict.fromkeys(option.warnings))
    show_warnings(console, found[:MOST_REMARKS])
    hidden = len(found) - MOST_REMARKS
    if hidden > 0:
        console.print(styled(f"! {hidden} more: --explain", "yellow"))


def _show_footer(console: Console, estimate: Estimate, *, hidden: int) -> None:
    rest = f"{hidden} more options: --matrix, --json. " if hidden else ""
    dated = f"Prices of {safe_text(estimate.prices_as_of)}. "
    console.print(styled(f"{RANKED} {dated}{rest}Terms, formulas, all notes: --explain.", "dim"))
