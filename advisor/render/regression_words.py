"""What got worse, in a few words: from what to what, in its own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import short_number
from advisor.render.safe import percent, safe_text

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
    """The unit of the probe of this name and kind, or of the one whose name says most of it."""
    named = [p for p in probes if p.probe and p.probe in what]
    of_kind = [p for p in named if f"{p.probe} ({p.kind})" in what]
    return max(of_kind or named, key=lambda p: len(p.probe)).unit if named else ""


def worse_words(found: Regression, probes: Sequence[ProbeFinding]) -> str:
    """'general text, from 0.085 to 1.1 nats per token'."""
    before, after = change_ends(found, probes)
    return f"{safe_text(found.what)}, from {before} to {after}"


def segment_words(found: Segment) -> str:
    """'label refund: 80.0 % to 50.0 % (-30.0 points, n = 60)'."""
    ends = f"{percent(found.baseline)} to {percent(found.tuned)}"
    name = f"{found.kind} {safe_text(found.name)}"
    return f"{name}: {ends} ({100 * found.difference:+.1f} points, n = {found.n:,})"


def probe_value(probe: ProbeFinding, value: float | None) -> str:
    """A share in percent, or a bare number whose unit stands beside it."""
    if value is None or not probe.unit:
        return percent(value)
    return short_number(value)


def probe_words(probe: ProbeFinding) -> str:
    """'general text: 0.085 to 1.1 nats per token'; unknown where it was not measured."""
    before, after = probe_value(probe, probe.before), probe_value(probe, probe.after)
    unit = f" {safe_text(probe.unit)}" if probe.unit and probe.after is not None else ""
    return f"{safe_text(probe.probe)}: {before} to {after}{unit}"
