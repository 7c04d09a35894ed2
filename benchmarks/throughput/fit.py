"""Fits the speed constants to published rows: least squares on log time, sources weighted alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

import numpy as np

from advisor.schema.base import Figure, Interval, Provenance
from advisor.schema.throughput import Cell, Evidence, GpuClass, StackSpeed, Throughput
from advisor.stages.estimate.throughput.place import gpu_class, stack_class
from advisor.stages.estimate.throughput.speed import (
    attention_cost,
    bits_gain,
    product_share,
    setting,
    step_seconds,
)
from benchmarks.throughput.rows import Case, readings

SOURCE = "throughput-evidence"
NOISE = 0.15
"""Standard deviation of a row's log time that the fit reckons with."""
OUTLIER = 0.25
"""Residuals beyond it count with falling weight (Huber)."""
OUTSIDE_WEIGHT = 0.5
"""Weight of rows that are not flagged for statistics."""
STEP = 1e-4

# name: (prior, standard deviation of its logarithm, what it is)
PRIORS: dict[str, tuple[float, float, str]] = {
    "share:tuned": (0.75, 0.2, "matrix product share of tuned software on an A100"),
    "share:stock": (0.85, 0.15, "the same of stock software, over tuned"),
    "share:vendor": (1.05, 0.04, "the same of vendors' software, over tuned"),
    "traffic:tuned": (5.0, 0.5, "bytes per activation element and pass"),
    "traffic:stock": (1.2, 0.2, "over tuned"),
    "traffic:vendor": (0.8, 0.3, "over tuned"),
    "eight:tuned": (1.25, 0.15, "gain of 8-bit products"),
    "eight:vendor": (2.0, 0.06, "gain of 8-bit products"),
    "four:vendor": (2.8, 0.15, "gain of 4-bit products"),
    "experts:stock": (1.1, 0.1, "1 + exponent"),
    "experts:tuned": (1.1, 0.1, "1 + exponent"),
    "experts:vendor": (1.25, 0.2, "1 + exponent"),
    "class:hopper": (0.88, 0.12, "over A100"),
    "class:blackwell-server": (0.86, 0.12, "over A100"),
    "class:instinct": (0.6, 0.15, "over A100"),
    "class:graphics": (1.0, 0.12, "over A100"),
    "class:ada-server": (0.8, 0.15, "over A100"),
    "class:blackwell-graphics": (1.0, 0.12, "over A100"),
    "attention": (1.7, 0.08, "cost of an attention operation over a matrix product's"),
    "attention:vendor": (0.75, 0.2, "the same in vendors' software, over the others"),
    "attention:new": (1.3, 0.2, "the same on Hopper and Blackwell servers, over the others"),
    "several": (0.04, 0.5, "share lost to full sharding in one machine"),
    "nodes": (0.02, 0.5, "share lost with every doubling of machines"),
    "small_batch_tokens": (150.0, 0.35, "tokens"),
    "launch:stock": (1.5, 0.4, "ms per layer and pass"),
    "launch:tuned": (1.0, 0.4, "ms per layer and pass"),
    "launch:vendor": (0.3, 0.4, "ms per layer and pass"),
    "expert:stock": (60.0, 0.5, "microseconds per expert, layer and pass"),
    "expert:tuned": (30.0, 0.5, "the same"),
    "expert:vendor": (2.0, 0.5, "the same"),
    "launch:full": (1.0, 0.4, "all weights over adapters"),
    "dequantise:nf4": (13.0, 0.15, "ms per billion parameters and micro-batch, two passes"),
    "dequantise:gptq": (18.0, 0.25, "the same"),
}
NAMES = tuple(PRIORS)
CLASSES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ampere-server", (), ("a100", "a800", "a30")),
    ("hopper", ("hopper",), ()),
    ("blackwell-server", ("blackwell ultra",), ("b200", "b300", "gb200", "gb300")),
    ("instinct", ("cdna",), ()),
    ("ada-server", (), ("l40", "rtx-6000-ada", "rtx-4000-ada")),
    ("power-limited", (), ("l4", "t4")),
    ("graphics", ("ampere", "ada"), ("rtx-30", "rtx-40")),
    ("blackwell-graphics", ("blackwell",), ("rtx-50", "rtx-pro", "gb10")),
    ("older", ("turing", "volta"), ()),
    ("other", (), ()),
)
"""Class, architectures, ids; the first that names a card's id wins, then the first architecture."""
UNMEASURED = {"power-limited": 0.5, "older": 0.6, "other": 0.6}
"""Share over A100: cards of 70 W do not hold their rate; older ones lack bfloat16 and kernels."""
NEW_ATTENTION = ("hopper", "blackwell-server")
STACK_IDS = ("stock", "tuned", "vendor")
REFERENCE_BANDWIDTH = 1555.0

Values = Mapping[str, float]


def prior_values() -> dict[str, float]:
    """The constants before any row was seen."""
    return {name: prior[0] for name, prior in PRIORS.items()}


def throughput_of(values: Values, base: Throughput, cases: Sequence[Case] = ()) -> Throughput:
    """The estimator's constants for the fitted values; cells tell what `cases` hold."""
    with_values = base.model_copy(
        update={
            "stacks": tuple(_stack(values, name) for name in STACK_IDS),
            "classes": tuple(_class(values, *entry) for entry in CLASSES),
            "small_batch_tokens": _figure(values["small_batch_tokens"], 2.0),
            "full_launch_factor": _figure(values["launch:full"], 1.5),
            "dequantise_milliseconds": _dequantise(values),
            "several_gpus": _several(values, base),
            "doubling_nodes": _figure(values["nodes"], 4.0),
            "reference_gb_per_second": REFERENCE_BANDWIDTH,
        }
    )
    if not cases:
        return with_values
    return with_values.model_copy(update={"cells": tuple(_cells(with_values, cases))})


def _dequantise(values: Values) -> dict[str, Figure]:
    """NF4 and GPTQ are fitted; 8 bits as nf4, AWQ as GPTQ."""
    kin = {"nf4": "nf4", "int8": "nf4", "gptq": "gptq", "awq": "gptq"}
    return {
        name: _figure(
            values[f"dequantise:{fitted}"],
            2.0,
            note="" if name == fitted else f"not measured, taken from {fitted}",
            kind="measured" if name == fitted else "assumed",
        )
        for name, fitted in kin.items()
    }


def _several(values: Values, base: Throughput) -> dict[str, Figure]:
    """Full sharding is fitted; replicas lose three quarters of that."""
    shares = {"ddp": 0.75, "zero1": 0.9, "zero2": 0.9, "zero3": 1.0, "fsdp": 1.0}
    _ = base
    return {name: _figure(values["several"] * share, 3.0) for name, share in shares.items()}


def _figure(value: float, ratio: float, note: str = "", kind: str = "measured") -> Figure:
    low, high = sorted((value / ratio, value * ratio))
    return Figure(
        interval=Interval(low=low, likely=value, high=high),
        provenance=Provenance(kind=kind, source=SOURCE, note=note),
    )


def _stack(values: Values, name: str) -> StackSpeed:
    """Stock and vendor are fitted as ratios to tuned."""
    ratio = 1.0 if name == "tuned" else values[f"share:{name}"]
    traffic = 1.0 if name == "tuned" else values[f"traffic:{name}"]
    attention = values["attention"] * (values["attention:vendor"] if name == "vendor" else 1.0)
    eight = values["eight:vendor" if name == "vendor" else "eight:tuned"]
    four = values["four:vendor"] if name == "vendor" else eight * 1.2
    return StackSpeed(
        id=name,
        stacks=(),
        matmul_share=_figure(min(values["share:tuned"] * ratio, 0.95), 1.15),
        traffic_bytes=_figure(values["traffic:tuned"] * traffic, 1.4),
        launch_milliseconds=_figure(values[f"launch:{name}"], 1.7),
        expert_microseconds=_figure(values[f"expert:{name}"], 2.0),
        eight_bit_gain=_figure(eight, 1.2),
        four_bit_gain=_figure(four, 1.3),
        attention_cost=_figure(attention, 1.5),
        expert_exponent=_spread_around(values[f"experts:{name}"] - 1.0, 0.25),
    )


def _spread_around(value: float, margin: float) -> Figure:
    return Figure(
        interval=Interval(
            low=max(value - margin, 0.0), likely=max(value, 0.0), high=value + margin
        ),
        provenance=Provenance(kind="measured", source=SOURCE),
    )


def _class(
    values: Values, name: str, architectures: tuple[str, ...], gpus: tuple[str, ...]
) -> GpuClass:
    share = 1.0 if name == "ampere-server" else values.get(f"class:{name}", UNMEASURED.get(name, 1))
    cost = values["attention:new"] if name in NEW_ATTENTION else 1.0
    kind = "assumed" if name in UNMEASURED else "measured"
    return GpuClass(
        id=name,
        architectures=architectures,
        gpus=gpus,
        share=_figure(share, 1.6 if name in UNMEASURED else 1.15, kind=kind),
        attention_cost=_figure(cost, 1.5, kind=kind),
    )


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """10 %, 50 % and 90 % points, with two decimals."""
    points: list[float] = np.percentile(values, [10, 50, 90]).tolist()
    low, middle, high = (round(point, 2) for point in points)
    return low, middle, high


def _cells(throughput: Throughput, cases: Sequence[Case]) -> Iterable[Cell]:
    """Rows and sources by class of software and of GPU."""
    rows: Counter[tuple[str, str]] = Counter()
    sources: dict[tuple[str, str], set[str]] = {}
    reached: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        if not case.in_stats:
            continue
        stack = stack_class(throughput, case.works[0].plan.stack).id
        key = (gpu_class(throughput, case.gpu).id, stack)
        rows[key] += 1
        sources.setdefault(key, set()).add(case.source)
        reached.setdefault(key, []).append(_reached(throughput, case))
    for (hardware, software), count in sorted(rows.items()):
        found = reached[hardware, software]
        few = len(sources[hardware, software])
        yield Cell(
            gpu_class=hardware,
            stack_class=software,
            rows=count,
            sources=few,
            evidence=evidence_of(few),
            published=percentiles(found),
        )


def evidence_of(sources: int) -> Evidence:
    """`several` from two sources on."""
    return "several" if sources > 1 else "one" if sources else "none"


def _reached(throughput: Throughput, case: Case) -> float:
    """Operations done over those the 16-bit peak allows in the measured time."""
    work, batch = next(iter(readings(case)))
    at = setting(work, case.gpu, throughput)
    if at is None:
        return 0.0
    parts = step_seconds(work, at, batch)
    times = bits_gain(at, work.plan.matmul_bits)
    cost = attention_cost(at)
    return (parts.products * times + parts.attention / cost) * product_share(at) / case.seconds


def predicted_log(case: Case, throughput: Throughput) -> float:
    """Log of the likely seconds, the mean of the ways the row can be read."""
    found = []
    for work, batch in readings(case):
        at = setting(work, case.gpu, throughput)
        if at is None:
            msg = f"no rate for {case.gpu.id}"
            raise ValueError(msg)
        found.append(log(step_seconds(work, at, batch).total))
    return sum(found) / len(found)


def residuals(cases: Sequence[Case], values: Values, base: Throughput) -> np.ndarray:
    """Log of measured over predicted time."""
    throughput = throughput_of(values, base)
    found: np.ndarray = np.array([log(c.seconds) - predicted_log(c, throughput) for c in cases])
    return found


def fit(
    cases: Sequence[Case], base: Throughput, *, start: Values | None = None, rounds: int = 12
) -> dict[str, float]:
    """The values that fit the rows, pulled towards the priors (Gauss-Newton, ridge, Huber)."""
    prior = np.array([log(PRIORS[name][0]) for name in NAMES])
    stiffness = np.array([PRIORS[name][1] ** -2 for name in NAMES])
    here = np.array([log((start or prior_values())[name]) for name in NAMES])
    weights = _weights(cases)
    for _ in range(rounds):
        error = residuals(cases, _named(here), base)
        slopes = np.stack(
            [
                (residuals(cases, _named(here + STEP * unit), base) - error) / STEP
                for unit in np.eye(len(NAMES))
            ],
            axis=1,
        )
        pull = weights * np.minimum(1.0, OUTLIER / np.maximum(abs(error), 1e-9)) / NOISE**2
        curve = (slopes * pull[:, None]).T @ slopes + np.diag(stiffness)
        slope = (slopes * pull[:, None]).T @ error + stiffness * (here - prior)
        move = np.clip(np.linalg.solve(curve, slope), -0.5, 0.5)
        here = here - move
        if float(abs(move).max()) < 2e-3:
            break
    return _named(here)


def _named(logs: np.ndarray) -> dict[str, float]:
    return {name: exp(float(value)) for name, value in zip(NAMES, logs, strict=True)}


def _weights(cases: Sequence[Case]) -> np.ndarray:
    """A source counts with the square root of its rows."""
    counts = Counter(case.source for case in cases)
    found = np.array(
        [(1.0 if c.in_stats else OUTSIDE_WEIGHT) * counts[c.source] ** -0.5 for c in cases]
    )
    shares: np.ndarray = found / found.mean()
    return shares
