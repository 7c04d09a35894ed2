"""The profile on a terminal: what is known with its source, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.safe import profile_facts
from advisor.render.terminal import make_table, plain, show_warnings, styled

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.schema.profile import Profile

VALUE_LIMIT = 120


def show_profile(console: Console, profile: Profile) -> None:
    """Every known fact with where it comes from, then the unknown ones by name."""
    facts = profile_facts(profile)
    table = make_table("Fact", "Value", "From", title=f"Profile of {plain(profile.name, 50)}")
    for fact, value in facts.items():
        if value is not None:
            origin = profile.provenance.get(fact, "")
            table.add_row(plain(fact), plain(value, VALUE_LIMIT), plain(origin))
    console.print(table)
    unknown = [fact for fact, value in facts.items() if value is None]
    if unknown:
        line = styled(f"Unknown ({len(unknown)}): ", "bold yellow")
        console.print(line.append_text(plain(", ".join(unknown), style="dim not bold")))
    show_warnings(console, profile.notes)
