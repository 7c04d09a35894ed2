"""A complete tuning plan on a terminal: every value, who set it and why, and its estimate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from advisor.render.estimate import sentence
from advisor.render.grid import gib_spread, hours_spread, usd_spread
from advisor.render.terminal import make_table, plain, show_facts, show_warnings
from advisor.schema.estimate import Option, PlanPreview, ServicePreview
from advisor.schema.plan import PlanLine

LOCAL = "local"


def show_plan(console: Console, preview: PlanPreview) -> None:
    """The plan in one sentence, field by field with reason and source, then what comes next."""
    console.print(plain(sentence(preview), style="bold"))
    rests_on = {title: n for n, title in enumerate(_titles(preview.lines), start=1)}
    table = make_table("field", "value", "set by")
    chosen, usual = _parted(preview.lines)
    for line in chosen:
        told = plain(_told(line, rests_on))
        table.add_row(plain(line.field), plain(_value(line)), told)
    table.columns[0].no_wrap = True
    console.print(table)
    if usual:
        named = ", ".join(f"{line.field} {_value(line)}" for line in usual)
        console.print(plain(f"Nothing speaks for another value (--json says why): {named}."))
    for title, number in rests_on.items():
        console.print(plain(f"  [{number}] {title}"))
    show_facts(console, _estimate(preview))
    console.print(plain("Before the first step these are looked at:"))
    for check in preview.checks:
        console.print(plain(f"  - {check}"))
    _show_end(console, preview.command, preview.left_aside)
    show_warnings(console, preview.warnings)


def show_asked(console: Console, preview: ServicePreview) -> None:
    """What a service would be sent, what is fixed for it, what that costs, and the command."""
    console.print(plain(f"Asked for at {preview.trainer}:", style="bold"))
    table = make_table("field", "value", "set by")
    for line in preview.lines:
        table.add_row(plain(line.field), plain(_value(line)), plain(_told(line, {})))
    table.columns[0].no_wrap = True
    console.print(table)
    console.print(plain("Everything else the service chooses by itself."))
    sent = f"{preview.train_samples} training samples, {preview.dev_samples} dev samples"
    show_facts(console, [("sent", sent), ("cost", preview.bill or "unknown")])
    _show_end(console, preview.command, preview.left_aside)


def _show_end(console: Console, command: str, aside: Sequence[str]) -> None:
    if aside:
        console.print(plain(f"Of the file, {len(aside)} keys have no place in the plan (--json)."))
    console.print(plain(f"To train: {command}"))


def _parted(lines: Sequence[PlanLine]) -> tuple[list[PlanLine], list[PlanLine]]:
    """Lines that somebody or something set, and those with a value that nothing speaks against."""
    known = [line for line in lines if line.value is not None]
    return [li for li in known if li.set_by], [li for li in known if not li.set_by]


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
