"""Tables of what was measured: scores, training, verification, failures, provenance."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from advisor.render.diagnosis_grids import system_name
from advisor.render.grid import Grid, gib_text, p_text, usd_text, yes_no
from advisor.render.proof_words import interval_points, level_header
from advisor.render.safe import UNKNOWN, amount, percent, percent_range, safe_text, signed, words
from advisor.render.training_words import TIME, told_rows
from advisor.units import short_count, short_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.evaluation import Comparison, Evaluation
    from advisor.schema.report import Report
    from advisor.schema.train import TrainResult
    from advisor.schema.verify import EstimateCheck, Verification


NOT_PRICED = "own machine, not priced"


def evaluations_of(report: Report) -> tuple[Evaluation, ...]:
    """Every baseline, then the tuned model where it was verified."""
    found = report.baselines.evaluations if report.baselines else ()
    return (*found, report.verification.tuned) if report.verification else found


def target_of(report: Report) -> float | None:
    """The target the gate judged by, or else the one the baselines were measured for."""
    if report.gate is not None:
        return report.gate.target
    return report.baselines.target if report.baselines else None


def scores_grid(evaluations: Sequence[Evaluation]) -> Grid:
    """One row per system: score, interval, samples, tokens, money, latency, failures."""
    level = percent(evaluations[0].interval.level, 0) if evaluations else ""
    headers = ("System", "Score", f"{level} interval", "n", "Tokens", "Billed", "p95", "Unanswered")
    rows = tuple(
        (
            system_name(e),
            percent(e.value),
            percent_range(e.interval.low, e.interval.high),
            f"{e.n:,}",
            short_count(e.usage.prompt_tokens + e.usage.completion_tokens),
            usd_text(e.usage.usd),
            UNKNOWN if e.latency_ms.p95 is None else f"{e.latency_ms.p95:,.0f} ms",
            f"{e.failures:,}",
        )
        for e in evaluations
    )
    return Grid(headers, rows, right=(1, 2, 3, 4, 5, 6, 7))


def comparisons_grid(comparisons: Sequence[Comparison]) -> Grid:
    """Pairs of systems on the same samples: the second minus the first."""
    rows = tuple(
        (
            f"{words(c.b)} minus {words(c.a)}",
            f"{signed(100 * c.difference)} points",
            interval_points(c.interval),
            p_text(c.p_value),
            c.test,
            f"{c.only_b:,} / {c.only_a:,} of {c.n:,}",
        )
        for c in comparisons
    )
    level = level_header("interval", (c.interval for c in comparisons))
    headers = ("Pair", "Difference", level, "p", "Test", "Only one right")
    return Grid(headers, rows, right=(1, 2, 3))


def training_grid(result: TrainResult) -> Grid:
    """What training took."""
    losses = result.loss
    rows = [
        ("Trainer", f"{result.trainer}, {words(result.method)}, objective {result.objective}"),
        ("Samples", f"{result.train_samples:,}"),
        ("Steps", f"{result.steps:,}"),
        ("Trainable parameters", f"{result.trainable_parameters:,}"),
        (
            "Loss, first to last",
            f"{losses[0].loss:.4f} to {losses[-1].loss:.4f}" if losses else UNKNOWN,
        ),
        ("Peak memory", f"{_with_unit(gib_text(result.peak_memory_gib))} ({result.memory_tier})"),
        ("Tokens per second", amount(result.tokens_per_second, digits=0)),
        (TIME[0].upper() + TIME[1:], short_duration(result.wall_seconds)),
        ("Seed", str(result.seed)),
        ("Model", result.served_by.model),
    ]
    told = [(label[0].upper() + label[1:], text) for label, text in told_rows(result)]
    rows[-2:-2] = told
    return Grid(("Training", "Measured"), tuple(rows))


def _with_unit(gib: str) -> str:
    return gib if gib == UNKNOWN else f"{gib} GiB"


def checks_grid(verification: Verification) -> Grid:
    """Every estimated quantity beside what was measured."""
    rows = tuple(
        (check.quantity, *_beside(check), yes_no(check.inside if is_priced(check) else None))
        for check in verification.estimate_vs_measured
    )
    headers = ("Quantity", "Estimated", "Measured", "Inside the interval")
    return Grid(headers, rows, right=(1, 2))


def is_priced(check: EstimateCheck) -> bool:
    """False for the cost on a machine of the user's own, which nobody counts: no free training."""
    return check.id != "cost_usd" or bool(check.estimated_likely or check.measured)


def _beside(check: EstimateCheck) -> tuple[str, str]:
    if not is_priced(check) and check.measured is not None:
        return NOT_PRICED, NOT_PRICED
    return _estimated(check), _quantity(check.measured, check.unit)


def _estimated(check: EstimateCheck) -> str:
    if check.estimated_likely is None:
        return UNKNOWN
    likely = _number(check.estimated_likely)
    if check.estimated_low is None or check.estimated_high is None:
        return f"{likely} {check.unit}"
    low, high = _number(check.estimated_low), _number(check.estimated_high)
    return f"{likely} ({low}–{high}) {check.unit}"  # noqa: RUF001 - a range


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _quantity(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else f"{_number(value)} {unit}"


def made_with_grid(report: Report) -> Grid:
    """Versions, digests, seeds: what is needed to get the same numbers again."""
    rows = list(report.made_with.items())
    if report.estimate is not None:
        rows.append(("prices as of", report.estimate.prices_as_of))
    if report.baselines is not None:
        manifest = report.baselines.manifest
        settings = ", ".join(f"{name} = {value}" for name, value in manifest.settings.items())
        rows += [
            ("dataset digest", manifest.dataset_digest),
            ("samples", f"{manifest.samples:,} of the {manifest.split} split"),
            ("backend and model", f"{manifest.backend}: {manifest.model}"),
            ("model digest", manifest.model_digest),
            ("metric", manifest.metric),
            ("evaluation seed", str(manifest.seed)),
            ("settings", settings or "none"),
        ]
    if report.training is not None:
        rows += [
            (f"version of {name}", number) for name, number in report.training.versions.items()
        ]
    return Grid(("What", "Value"), tuple(rows))


def reproduce_commands(report: Report) -> tuple[str, ...]:
    """Commands that make parts of this run anew from its folder, and all of it elsewhere."""
    folder = shlex.quote(safe_text(report.run_dir))
    reason = shlex.quote(safe_text(report.override))
    version = report.made_with.get("advisor", "")
    install = f"pip install {shlex.quote(f'finetune-advisor=={safe_text(version)}')}"
    tuned = (f"advisor train --run-dir {folder} --override-gate {reason}",)
    verified = (f"advisor verify --run-dir {folder}",)
    return (
        *((install,) if version and "," not in version else ()),
        *(tuned if report.override else ()),
        f"advisor run --run-dir {folder}",
        f"advisor gate --run-dir {folder} --target VALUE",
        *(verified if report.verification else ()),
        f"advisor report --run-dir {folder}",
        f"mkdir again && cp {folder}/run.json again/ && advisor run --run-dir again",
    )
