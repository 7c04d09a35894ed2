"""A complete tuning plan on a terminal: every value, who set it and why, and its estimate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from advisor.render.estimate import sentence
from advisor.render.grid import gib_spread, hours_spread, usd_spread
from advisor.render.terminal import make_table, plain, show_facts, show_warnings
from advisor.schema.estimate import Option, PlanPreview
from advisor.schema.plan import PlanLine

LOCAL = "local"


def show_plan(console: Console, preview: PlanPreview) -> None:
    """The plan in one sentence, field by field with reason and source, then what comes next."""
    console.print(plain(sentence(preview), style="bold"))
    rests_on = {title: n for n, title in enumerate(_titles(preview.lines), start=1)}
    table = make_table("field", "value", "set by")
    for line in preview.lines:
        if line.value is not None:
            told = plain(_told(line, rests_on))
            table.add_row(plain(line.field), plain(_value(line)), told)
    table.columns[0].no_wrap = True
    console.print(table)
    for title, number in rests_on.items():
        console.print(plain(f"  [{number}] {title}"))
    show_facts(console, _estimate(preview))
    console.print(plain("Before the first step these are looked at:"))
    for check in preview.checks:
        console.print(plain(f"  - {check}"))
    console.print(plain(f"To train: {preview.command}"))
    show_warnings(console, preview.warnings)


def _estimate(option: Option) -> Iterator[tuple[str, str]]:
    needed = option.memory
    yield "memory", gib_spread(needed.process_gib or needed.allocated_gib)
    yield "fits", "yes" if option.fits is True else "perhaps" if option.fits else "no"
    is_here = option.gpu == LOCAL
    unknown = is_here and option.time_hours is None
    yield "time", "the first steps measure it" if unknown else hours_spread(option.time_hours)
    is_free = is_here and option.cost_usd is not None and not option.cost_usd.high
    yield "cost", "0 (this machine)" if is_free else usd_spread(option.cost_usd)
    yield "trained", f"{option.trainable_parameters:,} parameters"


def _titles(lines: Sequence[PlanLine]) -> list[str]:
    return list(dict.fromkeys(title for line in lines for title in line.sources))


def _value(line: PlanLine) -> str:
    if isinstance(line.value, bool):
        return "yes" if line.value else "no"
    return f"{line.value:g}" if isinstance(line.value, float) else str(line.value)


def _told(line: PlanLine, rests_on: Mapping[str, int]) -> str:
    """Who set it and why, with the numbers of what that rests on."""
    said = ": ".join(part for part in (line.set_by, line.why) if part)
    numbers = ", ".join(str(rests_on[title]) for title in line.sources)
    return f"{said} [{numbers}]" if numbers else said
