"""The words of a proof on terminal and pages: families of tests, order, what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import yes_no
from advisor.render.safe import UNKNOWN, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from advisor.schema.base import ConfidenceInterval
    from advisor.schema.verify import Segment, Verification

NOT_TESTED = "not tested"
FAMILIES = {
    "baselines": "that a model no better than a baseline is called different",
    "segments": "that any segment is called worse",
    "probes": "that any probe is called worse",
}
"""What the error rate of each family of tests is the chance of."""
UNASKED = (
    "Forgetting was not measured: no packaged, general or named probe was asked of the model "
    "before and after."
)


def worst_first(segments: Sequence[Segment]) -> list[Segment]:
    """Those that are worse, then the largest losses of the tested, then the untested by size."""
    tested = [one for one in segments if one.p_value is not None or one.is_worse]
    ordered = sorted(tested, key=lambda one: (not one.is_worse, one.difference))
    rest = [one for one in segments if one.p_value is None and not one.is_worse]
    return [*ordered, *sorted(rest, key=lambda one: -one.n)]


def worse_word(*, is_worse: bool, is_tested: bool) -> str:
    """'yes', 'no', or that nobody tested it, which is no 'no'."""
    return yes_no(is_worse) if is_worse or is_tested else NOT_TESTED


def calm_sentence(found: Verification) -> str:
    """That nothing was found worse, and of how much that is said."""
    families = (("segments", found.segments), ("probes", found.probes))
    tested = {name: sum(one.p_value is not None for one in ones) for name, ones in families if ones}
    told = " and ".join(
        f"{tested[name]:,} of {len(ones):,} {name}" for name, ones in families if ones
    )
    if not any(tested.values()):
        return f"What got worse is unknown: {told} could be tested."
    return f"Nothing that was tested got worse beyond chance: {told} were tested."


def level_header(what: str, intervals: Iterable[ConfidenceInterval | None]) -> str:
    """'95 % interval': a column's name with the level of its intervals, all of them where mixed."""
    levels = sorted({one.level for one in intervals if one is not None})
    told = " and ".join(percent(level, 0) for level in levels)
    return f"{told} {what}" if told else what.capitalize()


def interval_points(interval: ConfidenceInterval | None) -> str:
    """'-4.2 to +1.0', in points; 'unknown' for None."""
    if interval is None:
        return UNKNOWN
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
