"""What a growing of data came to, on the terminal."""

from __future__ import annotations

from rich.console import Console

from advisor.render.grid import Grid
from advisor.render.proof_words import level_header
from advisor.render.safe import UNKNOWN
from advisor.render.terminal import grid_table, plain, show_facts, styled
from advisor.schema.generation import Dropped, Gain, Generation

REASONS: dict[Dropped, str] = {
    "schema": "not of the data's form",
    "refusal": "the model declined",
    "language": "another language than the data's",
    "copy": "stands in the data already",
    "near_seed": "nearly a row of the data",
    "near_kept": "nearly another written one",
    "near_test": "nearly a row of the test part",
    "contradiction": "same input, another target",
    "disagreement": "the model answers it differently",
    "no_answer": "no answer to check it by",
}
ENDED = {
    "enough": "enough were kept",
    "budget": "the budget was spent",
    "dry": "the model gave nothing more that could be kept",
}


def show_generation(console: Console, told: Generation) -> None:
    """Counts, the reasons of what was dropped, the bill, and the gain where it was measured."""
    console.print(styled("Generated", "bold"))
    show_facts(console, _facts(told))
    if told.dropped or told.unsettled:
        rows = [(REASONS[reason], str(count)) for reason, count in told.dropped.items()]
        if told.unsettled:
            rows.append(("left over when it ended", str(told.unsettled)))
        console.print(grid_table(console, Grid(("Not kept", "Samples"), tuple(rows), right=(1,))))
    if told.gain is not None:
        _show_gain(console, told.gain)
    for note in told.notes:
        console.print(plain(note, style="dim"))


def _facts(told: Generation) -> list[tuple[str, str]]:
    made = ", ".join(f"{count} from {kind}" for kind, count in told.by_source.items())
    asked = f"{told.asked} times {told.model}"
    lost = [
        f"{count} {what}"
        for count, what in ((told.failed, "failed"), (told.unreadable, "unreadable"))
        if count
    ]
    facts = [
        ("Kept", f"{told.kept} of {told.wanted} wanted" + (f": {made}" if made else "")),
        ("Ended", ENDED[told.ended]),
        ("Asked", asked + (f" ({', '.join(lost)})" if lost else "")),
        ("Written", f"{told.parsed} samples"),
        ("Spent", _spent(told)),
    ]
    return [*facts, ("File", told.path)] if told.path else facts


def _spent(told: Generation) -> str:
    spent = told.bill.spent_usd
    amount = UNKNOWN if spent is None else f"{spent:.4f} USD"
    cap = f" of {told.bill.cap_usd:g} USD" if told.bill.cap_usd is not None else ""
    return f"{amount}{cap} in {told.bill.calls} calls"


def _show_gain(console: Console, gain: Gain) -> None:
    rows = tuple(
        (str(p.added), f"{p.value:.3f}", f"{p.interval.low:.3f} to {p.interval.high:.3f}")
        for p in gain.points
    )
    title = f"{gain.system}, {gain.metric} on {gain.samples} dev samples"
    headers = ("Added", "Score", level_header("interval", (p.interval for p in gain.points)))
    console.print(grid_table(console, Grid(headers, rows, right=(0, 1)), title=title))
    console.print(plain(gain.sentence))
