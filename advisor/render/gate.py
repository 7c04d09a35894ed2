"""The gate's verdict on a terminal: what was asked, what was seen, what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.decision_words import chief_reason, ranked_of, sure_words, ties_words
from advisor.render.terminal import (
    labelled,
    make_panel,
    make_table,
    only_ascii,
    percent,
    plain,
    show_warnings,
    styled,
    tick,
    verdict_style,
    words,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from advisor.schema.decide import Decision
    from advisor.schema.gate import GateVerdict

MEANING = {
    "train": "Train: tuning is warranted",
    "stop": "Stop: do not train",
    "collect": "Collect data first",
}


def show_gate(console: Console, verdict: GateVerdict) -> None:
    """Verdict, criteria, the approach now recommended, and the next step."""
    style = verdict_style(verdict.verdict)
    body = styled(MEANING[verdict.verdict], style)
    body.append_text(styled("\n")).append_text(plain(verdict.because))
    console.print(make_panel(body, title="Gate", style=style))
    console.print(criteria_table(verdict, ascii_only=only_ascii(console)))
    console.print(labelled("Target", percent(verdict.target)))
    show_advice(console, verdict.decision, verdict.recommended)
    if verdict.verdict != "train":  # the gate has answered what that step asks of it
        console.print(labelled("Next", verdict.decision.next_step))
    show_warnings(console, verdict.warnings)


def show_advice(console: Console, decision: Decision, recommended: str | None) -> None:
    """The approach now recommended, what speaks most for it, and near ties."""
    best = ranked_of(decision, recommended)
    sure = sure_words(best)
    console.print(labelled("Recommended", f"{words(recommended)}{', ' if sure else ''}{sure}"))
    for label, told in (("Because", chief_reason(best)), ("Close", ties_words(decision))):
        if told:
            console.print(labelled(label, told))


def criteria_table(verdict: GateVerdict, *, ascii_only: bool) -> Table:
    """One row per criterion with its tick, cross, or question mark for unknown."""
    table = make_table("", "Asked", "Seen")
    table.columns[0].no_wrap = True
    for criterion in verdict.criteria:
        mark = tick(criterion.passed, ascii_only=ascii_only)
        table.add_row(mark, plain(criterion.asked, 160), plain(criterion.seen, 160))
    return table
