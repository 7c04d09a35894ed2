"""Did tuning help: differences, segments of the samples, what got worse, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Chart, Section, Table, Text
from advisor.render.charts import differences_chart
from advisor.render.grid import Grid, p_text, yes_no
from advisor.render.measured_grids import checks_grid, comparisons_grid, is_priced
from advisor.render.measured_words import stopped_sentence
from advisor.render.probe_words import (
    NATS,
    SHORT_UNITS,
    allowed_text,
    change_text,
    probe_title,
    probe_value,
)
from advisor.render.proof_words import (
    NOT_TESTED,
    UNASKED,
    calm_sentence,
    false_alarms,
    guesses_sentence,
    interval_points,
    level_header,
    outside_sentences,
    worse_word,
    worst_first,
)
from advisor.render.regression_words import change_ends
from advisor.render.safe import percent, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.report import Report
    from advisor.schema.verify import Verification

SEGMENTS_SHOWN = 40
KINDS = {"label": "label", "length": "length of the input", "source": "source"}


def turning(report: Report) -> Section:
    """What would change the verdict."""
    blocks = (Bullets(report.changes),) if report.changes else ()
    return Section("What would change the verdict", blocks)


def checks(report: Report) -> Section:
    """Estimated quantities beside what was measured."""
    found = report.verification
    if found is None or not found.estimate_vs_measured:
        return Section("Estimate against measured", ())
    known = [c for c in found.estimate_vs_measured if c.inside is not None and is_priced(c)]
    inside = sum(bool(check.inside) for check in known)
    told = f"{inside} of {len(known)} quantities that can be compared lie inside their interval."
    return Section(
        "Estimate against measured",
        (
            Text(told),
            Table(checks_grid(found), "Estimated before training, measured while it ran"),
            *map(Text, outside_sentences(found.estimate_vs_measured)),
        ),
    )


def verification(report: Report) -> Section | None:
    """The verdict with everything it rests on."""
    found = report.verification
    return None if found is None else Section("Verification", tuple(_blocks(found)))


def _blocks(found: Verification) -> Iterator[Block]:
    yield Text(f"Verdict: {found.verdict}. {found.because}")
    yield Table(comparisons_grid(found.comparisons), "The tuned model on the same samples")
    yield from _target(found)
    if found.guesses:
        yield Text(guesses_sentence(found.guesses))
    stopped = stopped_sentence(found.tuned)
    if stopped:
        yield Text(stopped)
    yield from _segments(found)
    yield from _probes(found)
    if found.regressions:
        yield Table(regressions_grid(found), "Worse than before")
    elif found.segments or found.probes:
        yield Text(calm_sentence(found))
    if found.tolerated:
        yield Text(f"What got worse elsewhere is tolerated and does not veto: {found.tolerated}")
    if found.error_rates:
        yield Table(error_rates_grid(found), "False alarms, in runs in which nothing differs")


def _target(found: Verification) -> Iterator[Block]:
    if found.target is None:
        return
    met = {True: "is met", False: "is not met", None: "may be met or not"}[found.target_met]
    yield Text(f"The target of {percent(found.target)} {met} by the interval's lower bound.")


def _segments(found: Verification) -> Iterator[Block]:
    if not found.segments:
        yield Text(
            "Differences on segments of the samples: unknown, none were told apart.", is_quiet=True
        )
        return
    level = level_header("intervals", (one.interval for one in found.segments))
    yield Chart(
        f"Tuned minus best baseline on segments of the samples, in points, with {level.lower()}",
        lambda: differences_chart(worst_first(found.segments)),
    )
    yield Table(segments_grid(found), "Segments of the samples, worst first")
    left = len(found.segments) - SEGMENTS_SHOWN
    if left > 0:
        yield Text(f"{left:,} more segments stand in `7-verify.json`.", is_quiet=True)


def segments_grid(found: Verification) -> Grid:
    """Each segment with its difference, worst first."""
    shown = worst_first(found.segments)[:SEGMENTS_SHOWN]
    rows = tuple(
        (
            f"{KINDS[s.kind]}: {s.name}",
            f"{s.n:,}",
            percent(s.baseline),
            percent(s.tuned),
            f"{signed(100 * s.difference)} points",
            interval_points(s.interval),
            "too few to veto" if s.p_value is None else p_text(s.p_value),
            worse_word(s),
        )
        for s in shown
    )
    level = level_header("interval", (s.interval for s in shown))
    headers = ("Segment", "n", "Best baseline", "Tuned", "Difference", level, "p", "Worse")
    return Grid(headers, rows, right=(1, 2, 3, 4, 5, 6))


def _probes(found: Verification) -> Iterator[Block]:
    if not found.shows_forgetting:
        yield Text(UNASKED)
    if not found.probes:
        return
    yield Table(probes_grid(found), "Probes, before and after tuning")
    if any(probe.unit in SHORT_UNITS for probe in found.probes):
        yield Text(NATS, is_quiet=True)
    notes = tuple(f"{probe.probe}: {probe.note}" for probe in found.probes if probe.note)
    if notes:
        yield Bullets(notes)


def probes_grid(found: Verification) -> Grid:
    """Each probe before and after, and which change is allowed."""
    rows = tuple(
        (
            probe_title(probe),
            f"{probe.n:,}",
            probe_value(probe, probe.before),
            probe_value(probe, probe.after),
            change_text(probe),
            allowed_text(probe),
            NOT_TESTED if probe.p_value is None else p_text(probe.p_value),
            worse_word(probe),
        )
        for probe in found.probes
    )
    level = level_header("interval", (probe.interval for probe in found.probes))
    by = f"Change ({level})"
    headers = ("Probe", "n", "Before", "After", by, "Allowed", "p", "Worse")
    return Grid(headers, rows, right=(1, 2, 3, 4, 5, 6))


def regressions_grid(found: Verification) -> Grid:
    """What the tuned model does worse, those that veto first."""
    ranked = sorted(found.regressions, key=lambda r: not r.vetoes)
    rows = tuple(
        (r.what, r.kind, *change_ends(r, found.probes), yes_no(r.vetoes), r.note) for r in ranked
    )
    return Grid(("What", "Kind", "Before", "After", "Vetoes", "Note"), rows, right=(2, 3))


def error_rates_grid(found: Verification) -> Grid:
    """Families of tests with how often they are wrong where nothing differs."""
    rows = tuple(
        (what, f"at most {count} of 100") for what, count in false_alarms(found.error_rates)
    )
    return Grid(("Tests call", "Runs"), rows, right=(1,))
