"""Did tuning help: differences, parts of the samples, what got worse, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Chart, Section, Table, Text
from advisor.render.charts import differences_chart
from advisor.render.grid import Grid, p_text, short_number, yes_no
from advisor.render.measured_grids import checks_grid, comparisons_grid, is_priced
from advisor.render.measured_words import stopped_sentence
from advisor.render.regression_words import change_ends, probe_value
from advisor.render.safe import UNKNOWN, percent, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.base import ConfidenceInterval
    from advisor.schema.probe import ProbeFinding
    from advisor.schema.report import Report
    from advisor.schema.verify import Verification

SEGMENTS_SHOWN = 40
KINDS = {"label": "label", "length": "length of the input", "source": "source"}
FAMILIES = {
    "baselines": "the tuned model against each baseline",
    "segments": "parts of the samples",
    "probes": "probes beside the task",
}


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
        (Text(told), Table(checks_grid(found), "Estimated before training, measured while it ran")),
    )


def verification(report: Report) -> Section | None:
    """The verdict with everything it rests on."""
    found = report.verification
    return None if found is None else Section("Verification", tuple(_blocks(found)))


def _blocks(found: Verification) -> Iterator[Block]:
    yield Text(f"Verdict: {found.verdict}. {found.because}")
    yield Table(comparisons_grid(found.comparisons), "The tuned model on the same samples")
    yield from _target(found)
    stopped = stopped_sentence(found.tuned)
    if stopped:
        yield Text(stopped)
    yield from _segments(found)
    yield from _probes(found)
    if found.regressions:
        yield Table(regressions_grid(found), "Worse than before")
    elif found.segments or found.probes:
        yield Text("Nothing that was looked at got worse beyond chance.")
    if found.tolerated:
        yield Text(f"What got worse elsewhere does not veto: {found.tolerated}")
    if found.error_rates:
        yield Table(error_rates_grid(found), "How often each family of tests errs, at most")


def _target(found: Verification) -> Iterator[Block]:
    if found.target is None:
        return
    met = {True: "is met", False: "is not met", None: "may be met or not"}[found.target_met]
    yield Text(f"The target of {percent(found.target)} {met} by the interval's lower bound.")


def _segments(found: Verification) -> Iterator[Block]:
    if not found.segments:
        yield Text(
            "Differences on parts of the samples: unknown, no parts were told apart.", is_quiet=True
        )
        return
    yield Chart(
        "Tuned minus best baseline on parts of the samples",
        lambda: differences_chart(found.segments),
    )
    yield Table(segments_grid(found), "Parts of the samples, worst first")
    left = len(found.segments) - SEGMENTS_SHOWN
    if left > 0:
        yield Text(f"{left:,} more parts stand in `7-verify.json`.", is_quiet=True)


def segments_grid(found: Verification) -> Grid:
    """Each part with its difference, worst first."""
    ranked = sorted(found.segments, key=lambda s: (not s.is_worse, s.difference))
    rows = tuple(
        (
            f"{KINDS[s.kind]}: {s.name}",
            f"{s.n:,}",
            percent(s.baseline),
            percent(s.tuned),
            f"{100 * s.difference:+.1f} points",
            _points(s.interval),
            "too few to veto" if s.p_value is None else p_text(s.p_value),
            yes_no(s.is_worse),
        )
        for s in ranked[:SEGMENTS_SHOWN]
    )
    headers = ("Part", "n", "Best baseline", "Tuned", "Difference", "Interval", "p", "Worse")
    return Grid(headers, rows, right=(1, 2, 3, 4, 5, 6))


def _points(interval: ConfidenceInterval | None) -> str:
    if interval is None:
        return UNKNOWN
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"


def _probes(found: Verification) -> Iterator[Block]:
    if not found.probes:
        yield Text("What tuning did beside the task: unknown, no probe was asked.", is_quiet=True)
        return
    yield Table(probes_grid(found), "Beside the task, before and after tuning")
    notes = tuple(f"{probe.probe}: {probe.note}" for probe in found.probes if probe.note)
    if notes:
        yield Bullets(notes)


def probes_grid(found: Verification) -> Grid:
    """Each probe before and after, and how much worse is let pass."""
    rows = tuple(
        (
            probe.probe,
            ", ".join(part for part in (words(probe.kind), probe.unit) if part),
            f"{probe.n:,}",
            probe_value(probe, probe.before),
            probe_value(probe, probe.after),
            _worse_by(probe),
            _change(probe, probe.allowed),
            UNKNOWN if probe.p_value is None else p_text(probe.p_value),
            UNKNOWN if probe.worse_by is None else yes_no(probe.is_worse),
        )
        for probe in found.probes
    )
    headers = ("Probe", "Kind", "n", "Before", "After", "Worse by", "Allowed", "p", "Too much")
    return Grid(headers, rows, right=(2, 3, 4, 5, 6, 7))


def _worse_by(probe: ProbeFinding) -> str:
    """How much worse, with its interval."""
    if probe.worse_by is None:
        return UNKNOWN
    span = probe.interval
    scale, digits = (1, 2) if probe.unit else (100, 1)
    reach = f" ({scale * span.low:.{digits}f} to {scale * span.high:.{digits}f})" if span else ""
    return f"{_change(probe, probe.worse_by)}{reach}"


def _change(probe: ProbeFinding, change: float) -> str:
    return short_number(change) if probe.unit else f"{100 * change:.1f} points"


def regressions_grid(found: Verification) -> Grid:
    """What the tuned model does worse, those that veto first."""
    ranked = sorted(found.regressions, key=lambda r: not r.vetoes)
    rows = tuple(
        (r.what, r.kind, *change_ends(r, found.probes), yes_no(r.vetoes), r.note) for r in ranked
    )
    return Grid(("What", "Kind", "Before", "After", "Vetoes", "Note"), rows, right=(2, 3))


def error_rates_grid(found: Verification) -> Grid:
    """Families of tests with the share in which they find a difference where there is none."""
    rows = tuple(
        (FAMILIES.get(name, name), percent(rate, 0)) for name, rate in found.error_rates.items()
    )
    return Grid(("Tests", "Wrong alarm in"), rows, right=(1,))
