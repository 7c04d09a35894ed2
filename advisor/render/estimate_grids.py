"""Tables of an estimate's memory, time and checks, the same for terminal, Markdown and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import (
    Grid,
    gib_text,
    hours_spread,
    short_number,
    span,
    usd_span,
)
from advisor.render.memory_groups import card_sizes, process
from advisor.render.safe import percent, words
from advisor.units import short_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.base import Interval
    from advisor.schema.estimate import Estimate, Option, Solved
    from advisor.schema.lengths import SequenceLengths
    from advisor.schema.trace import Trace

NONE = "-"
_QUANTITIES = {
    "seq-len": "tokens per sequence",
    "batch-size": "sequences per device",
    "rank": "rank",
    "model-size": "parameters",
}


def terms_by_method_grid(options: Sequence[Option]) -> Grid:
    """Terms against methods in GiB, each option at its own peak, then the three tiers."""
    names = list(dict.fromkeys(term.name for option in options for term in option.memory.terms))
    sizes = [{term.name: term.gib for term in option.memory.terms} for option in options]
    rows = [
        (name, *(gib_text(size[name]) if name in size else NONE for size in sizes))
        for name in names
    ]
    rows.append(("= tensors", *(gib_text(o.memory.allocated_gib.likely) for o in options)))
    memories = [option.memory for option in options]
    rows.append(("low to high", *(span(memory.allocated_gib) for memory in memories)))
    rows.append(("reserved by the allocator", *(span(m.reserved_gib) for m in memories)))
    rows.append(("whole process", *(span(memory.process_gib) for memory in memories)))
    headers = ("GiB", *(words(option.method) for option in options))
    return Grid(headers, tuple(rows), right=tuple(range(1, len(headers))))


def phases_grid(options: Sequence[Option]) -> Grid:
    """Heights of the phases against methods in GiB of tensors; the peak is marked."""
    phases = list(dict.fromkeys(p for option in options for p in option.memory.phases_gib))
    rows = tuple(
        (words(phase), *(_height(option, phase) for option in options)) for phase in phases
    )
    headers = ("Phase", *(words(option.method) for option in options))
    return Grid(headers, rows, right=tuple(range(1, len(headers))))


def _height(option: Option, phase: str) -> str:
    height = option.memory.phases_gib.get(phase)
    if height is None:
        return NONE
    return f"{'> ' if phase == option.memory.peak_phase else ''}{gib_text(height)}"


def time_grid(option: Option) -> Grid:
    """What the hours are made of."""
    rows = tuple(
        (
            words(part.name),
            hours_spread(part.hours),
            f"{part.formula} [{part.provenance.kind}: {part.provenance.source}]",
        )
        for part in option.time_parts
    )
    return Grid(("Time", "Likely (range)", "Formula [source]"), rows)


def matrix_grid(estimate: Estimate) -> Grid:
    """GPUs against methods: verdict, share of the card, likely cost."""
    methods = list(dict.fromkeys(option.method for option in estimate.options))
    cells = {(option.gpu, option.method): option for option in reversed(estimate.options)}
    cards = card_sizes(estimate.options)
    rows = tuple(
        (gpu, gib_text(size), *(matrix_cell(cells.get((gpu, method)), size) for method in methods))
        for gpu, size in sorted(cards.items(), key=lambda item: (item[1], item[0]))
    )
    return Grid(("GPU", "GiB", *map(words, methods)), rows, right=(1,))


def matrix_cell(option: Option | None, card_gib: float) -> str:
    """'fits, 74 %, $0.37'."""
    if option is None:
        return NONE
    verdict = "maybe" if option.fits == "uncertain" else "fits" if option.fits else "no"
    share = percent(process(option).likely / card_gib, 0) if card_gib > 0 else ""
    cost = option.cost_usd
    price = f"${cost.likely:.2f}" if cost is not None and option.fits is not False else ""
    return ", ".join(part for part in (verdict, share, price) if part)


def lengths_facts(lengths: SequenceLengths) -> tuple[tuple[str, str], ...]:
    """Name and value of what the data's token lengths say."""
    counted = "by the model's tokenizer" if lengths.is_exact else "from characters, by rate"
    cut = lengths.truncated_samples
    share = f" ({percent(cut / lengths.samples)})" if lengths.samples else ""
    return (
        ("samples", f"{lengths.samples:,}"),
        ("longest", f"{_tokens(lengths.longest)} tokens (the batch that sets the peak)"),
        ("99 % up to", _tokens(lengths.percentile_99)),
        ("median", _tokens(lengths.median)),
        ("mean", _tokens(lengths.mean)),
        ("cut at", f"{lengths.limit:,}: {cut:,} samples{share}"),
        ("processed per epoch", f"{_tokens(lengths.processed)} tokens"),
        ("padding", f"{percent(lengths.padding_share, 0)} of padded batches"),
        ("packed into", f"{lengths.packed_sequences:,} sequences of {lengths.packed_length:,}"),
        ("counted", counted),
    )


def lengths_words(lengths: SequenceLengths) -> str:
    """What matters of them, in a sentence."""
    counted = "exact" if lengths.is_exact else "from characters"
    cut = lengths.truncated_samples
    return (
        f"{lengths.samples:,} samples, longest {_tokens(lengths.longest)} tokens, 99 % up to "
        f"{_tokens(lengths.percentile_99)}, mean {_tokens(lengths.mean)} ({counted}); {cut:,} cut "
        f"at {lengths.limit:,}; padding {percent(lengths.padding_share, 0)}, or packed into "
        f"{lengths.packed_sequences:,} sequences of {lengths.packed_length:,}"
    )


def lengths_grid(lengths: SequenceLengths) -> Grid:
    """The same as a table."""
    return Grid(("Data", "Value"), lengths_facts(lengths))


def _tokens(count: Interval) -> str:
    likely = f"{count.likely:,.0f}"
    if count.low == count.high:
        return likely
    return f"{likely} ({count.low:,.0f}–{count.high:,.0f})"  # noqa: RUF001 - a range


def solved_grid(estimate: Estimate) -> Grid:
    """The largest value of what was looked for, for every method and GPU."""
    rows = tuple(_solved_row(found) for found in estimate.solved)
    what = _QUANTITIES[estimate.solved[0].quantity] if estimate.solved else ""
    return Grid(("Method", "GPU", what.capitalize(), "GiB", "Cost", "Note"), rows, right=(2, 3, 4))


def _solved_row(found: Solved) -> tuple[str, ...]:
    value = "none" if found.value is None else f"{found.value:,.0f}"
    if found.quantity == "model-size" and found.value is not None:
        value = short_count(found.value)
    memory = NONE if found.option is None else short_number(process(found.option).likely)
    cost = NONE if found.option is None else usd_span(found.option.cost_usd)
    return (words(found.method), found.gpu, value, memory, cost, found.note)


def trace_grid(trace: Trace, option: Option) -> Grid:
    """What was traced beside the formula's figure, with the difference of the formula."""
    memory, speed = option.memory, option.tokens_per_second
    pairs = (
        ("tensors, GiB", trace.allocated_gib, memory.allocated_gib),
        ("reserved, GiB", trace.reserved_gib, memory.reserved_gib),
        ("whole process, GiB", trace.process_gib, memory.process_gib),
        ("tokens per second", trace.tokens_per_second, speed),
    )
    rows = tuple(
        (name, short_number(seen), *_beside(seen, computed))
        for name, seen, computed in pairs
        if seen is not None
    )
    headers = ("", trace.kind.capitalize(), "Formula", "Formula off by")
    return Grid(headers, rows, right=(1, 2, 3))


def _beside(seen: float, computed: Interval | None) -> tuple[str, str]:
    if computed is None:
        return NONE, NONE
    off = f"{100 * (computed.likely / seen - 1):+.1f} %" if seen > 0 else NONE
    return f"{short_number(computed.likely)} ({span(computed)})", off
