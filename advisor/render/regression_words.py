"""What got worse, in a few words: from what to what, in its own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import short_number
from advisor.render.probe_words import counted_text
from advisor.render.safe import percent, safe_text, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.probe import ProbeFinding
    from advisor.schema.verify import Regression, Segment


def change_ends(found: Regression, probes: Sequence[ProbeFinding]) -> tuple[str, str]:
    """Before and after: a share in percent, a loss with its unit, a count as it is."""
    if found.kind == "probe":
        unit = _unit(found.what, probes)
        if unit:
            return short_number(found.before), f"{short_number(found.after)} {unit}"
    both_shares = 0 <= found.before <= 1 and 0 <= found.after <= 1
    if found.kind == "failures" or not both_shares:
        return f"{found.before:,.4g}", f"{found.after:,.4g}"
    return percent(found.before), percent(found.after)


def _unit(what: str, probes: Sequence[ProbeFinding]) -> str:
    """The unit of the probe that the regression names."""
    return next((p.unit for p in probes if regression_name(p) == what), "")


def regression_name(found: ProbeFinding) -> str:
    """What a regression calls a probe: "probe 'conversations it knows' (right answers)"."""
    return f"probe '{found.probe}'{counted_text(found)}"


def worse_words(found: Regression, probes: Sequence[ProbeFinding]) -> str:
    """What got worse, from what to what: ... from 0.085 to 1.1 nats per token."""
    before, after = change_ends(found, probes)
    return f"{safe_text(found.what)}, from {before} to {after}"


def segment_words(found: Segment) -> str:
    """'label refund: 80.0 % to 50.0 % (-30.0 points, n = 60)'."""
    ends = f"{percent(found.baseline)} to {percent(found.tuned)}"
    name = f"{found.kind} {safe_text(found.name)}"
    return f"{name}: {ends} ({signed(100 * found.difference)} points, n = {found.n:,})"
