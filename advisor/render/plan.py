"""A complete tuning plan on a terminal: every value and who set it."""

from __future__ import annotations

from rich.console import Console

from advisor.render.estimate import sentence
from advisor.render.terminal import make_table, plain, show_warnings
from advisor.schema.estimate import Option

HIDDEN = ("reasons",)


def show_plan(console: Console, option: Option) -> None:
    """The plan in one sentence, then field by field with the recipe, rule or flag that set it."""
    console.print(plain(sentence(option), style="bold"))
    table = make_table("field", "value", "set by")
    for field in type(option.plan).model_fields:
        value = getattr(option.plan, field)
        if field not in HIDDEN and value is not None:
            table.add_row(plain(field), plain(value), plain(option.plan.reasons.get(field, "")))
    console.print(table)
    show_warnings(console, option.warnings)
