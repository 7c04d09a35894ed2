"""Where every kind of figure in the report comes from: measured, computed, table or assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from advisor.schema.base import Provenance
from advisor.schema.baseline import Baselines
from advisor.schema.decide import Decision
from advisor.schema.estimate import Estimate, Option
from advisor.schema.profile import Profile
from advisor.schema.report import CostLine, DataSummary, FigureSource, Payback, Report
from advisor.schema.train import TrainResult
from advisor.schema.verify import Verification

FACTS = {
    "asked": ("assumed", "the user's answers"),
    "corrected": ("assumed", "the user's corrections of what was measured"),
    "dataset": ("measured", "the data file"),
    "documents": ("measured", "the documents"),
    "machine": ("measured", "this machine"),
    "catalog": ("table", "rules/catalog"),
    "settings": ("assumed", "the settings of the run"),
}
"""How the profile names where a fact is from -> kind and source."""


def of_profile(profile: Profile, date: str) -> Iterator[FigureSource]:
    """The facts, by where they are from."""
    named = Counter(profile.provenance.values())
    for origin, count in sorted(named.items()):
        kind, source = FACTS.get(origin, ("assumed", origin))
        yield _figure(f"{count} facts of the profile", kind, source, date)


def of_decision(decision: Decision, rulebook: str) -> Iterator[FigureSource]:
    """Scores, chances and gains of the approaches."""
    rules = f"rules of rulebook {rulebook[:16]}" if rulebook else "the rules"
    yield _figure("scores of the approaches", "computed", f"{rules}, each with its sources", "")
    if any(ranked.probability_acceptable is not None for ranked in decision.approaches):
        told = "rules/acceptance.yaml, fitted to published outcomes"
        yield _figure("chances of the approaches", "computed", told, "")
    if any(ranked.expected_gain is not None for ranked in decision.approaches):
        told = "rules/gains.yaml, gains of published comparisons"
        yield _figure("gains of the approaches", "table", told, "")


def of_data(data: DataSummary | None) -> Iterator[FigureSource]:
    """Counts of rows, repeats, leaks and faults."""
    if data is None:
        return
    if data.checked_on:
        yield _figure("data check", "measured", "advisor data check", data.checked_on)
    if data.digest:
        told = f"how the samples were split, digest {data.digest}"
        yield _figure("samples of each part, leaks", "measured", told, "")


def of_estimate(found: Estimate | None) -> Iterator[FigureSource]:
    """Memory term by term, time, money and prices of the recommended option."""
    if found is None or not found.options:
        return
    option = found.options[found.recommended or 0]
    terms: dict[tuple[str, str, str], list[str]] = {}
    for term in option.memory.terms:
        known = term.provenance
        terms.setdefault((known.kind, known.source, known.as_of), []).append(term.name)
    for (kind, source, as_of), names in terms.items():
        yield _figure(f"memory estimated: {', '.join(names)}", kind, source, as_of)
    for part in option.time_parts:
        yield FigureSource(figure=f"time estimated: {part.name}", provenance=part.provenance)
    yield from _of_money(found, option)


def _of_money(found: Estimate, option: Option) -> Iterator[FigureSource]:
    offer = option.offer
    if offer is not None:
        told = f"price of {offer.gpu} at {offer.provider}"
        if offer.kind == "own":
            yield _figure("price of this machine", "assumed", offer.source, offer.checked)
        else:
            yield _figure(told, "table", offer.source, offer.checked or offer.valid_from)
    if option.memory_correction != 1 or option.speed_correction != 1:
        told = "runs kept on this machine (advisor calibration list)"
        yield _figure("corrections of memory and speed", "measured", told, found.prices_as_of)
    for share in option.spending.shares if option.spending else ():
        if share.usd is not None:
            yield FigureSource(figure=f"money planned: {share.name}", provenance=share.provenance)
    if option.serving is not None:
        yield FigureSource(figure="serving, estimated", provenance=option.serving.provenance)


def of_baselines(found: Baselines | None, date: str) -> Iterator[FigureSource]:
    """Scores, intervals, differences, tokens and latencies."""
    if found is None:
        return
    manifest = found.manifest
    asked = (
        f"answers of {manifest.model} ({manifest.backend}) to {manifest.samples:,} "
        f"{manifest.split} samples, {manifest.metric_signature or manifest.metric}"
    )
    yield _figure("scores, tokens and latencies of the baselines", "measured", asked, date)
    methods = sorted({e.interval_method for e in found.evaluations if e.interval_method})
    if methods:
        yield _figure("intervals of scores", "computed", ", ".join(methods), date)
    tests = sorted({c.test for c in found.comparisons})
    if tests:
        yield _figure("differences between baselines", "computed", "; ".join(tests), date)
    if found.bill is not None and found.bill.price is not None:
        yield FigureSource(figure="price of tokens", provenance=found.bill.price.provenance)


def of_training(found: TrainResult | None, date: str) -> Iterator[FigureSource]:
    """Losses, memory, speed and time of training."""
    if found is None:
        return
    versions = ", ".join(f"{name} {number}" for name, number in sorted(found.versions.items()))
    told = f"{found.trainer} while it trained ({versions})"
    yield _figure("losses, peak memory, speed and time of training", "measured", told, date)


def of_verification(found: Verification | None, date: str) -> Iterator[FigureSource]:
    """Score of the tuned model, differences, segments and probes."""
    if found is None:
        return
    told = f"its answers to the same {found.tuned.n:,} samples"
    yield _figure("score of the tuned model", "measured", told, date)
    tests = "; ".join(sorted({c.test for c in found.comparisons}))
    if tests:
        said = f"{tests}, p after Holm over the baselines"
        yield _figure("differences to the baselines", "computed", said, date)
    if found.segments:
        told = "the same answers, parted; p after Holm over the segments that can veto"
        yield _figure("differences on segments of the samples", "computed", told, date)
    for probe in found.probes:
        source = probe.source or "samples that were not named"
        yield _figure(f"probe {probe.probe}", "measured", f"{source}, n = {probe.n:,}", date)


def of_costs(lines: tuple[CostLine, ...], back: Payback | None) -> Iterator[FigureSource]:
    """Costs by how they are known; those nobody knows are left out."""
    for line in lines:
        if line.usd is not None:
            yield FigureSource(figure=f"cost of {line.what}", provenance=line.provenance)
    if back is not None:
        told = "tokens and times of the answers above, training's cost"
        yield _figure("break-even as measured", "computed", told, "")


def figures(report: Report, dates: Mapping[str, str]) -> tuple[FigureSource, ...]:
    """All of them in the order of the stages; `dates` are those of the stages' documents."""
    final = report.gate.decision if report.gate else report.decision
    return (
        *of_profile(report.profile, dates.get("profile", "")),
        *of_decision(final, report.made_with.get("rulebook", "")),
        *of_data(report.data),
        *of_estimate(report.estimate),
        *of_baselines(report.baselines, dates.get("baseline", "")),
        *of_training(report.training, dates.get("train", "")),
        *of_verification(report.verification, dates.get("verify", "")),
        *of_costs(report.costs, report.payback),
    )


def _figure(figure: str, kind: str, source: str, as_of: str) -> FigureSource:
    known = Provenance.model_validate({"kind": kind, "source": source, "as_of": as_of})
    return FigureSource(figure=figure, provenance=known)
