"""Derives the catalog's speed constants from published rows: python calibrate.py --rows FILE."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from math import exp
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from advisor.catalog.throughput import throughput  # noqa: E402
from advisor.schema.base import Figure, Interval, Provenance  # noqa: E402
from advisor.schema.throughput import Cell, Evidence, Throughput  # noqa: E402
from benchmarks.throughput.crossing import LeftOut, left_out  # noqa: E402
from benchmarks.throughput.fit import (  # noqa: E402
    SOURCE,
    fit,
    prior_values,
    throughput_of,
)
from benchmarks.throughput.rows import read_cases  # noqa: E402

OUT = ROOT / "rules" / "catalog" / "throughput" / "utilisation.yaml"
QUANTILES = (10, 90)
AT_LEAST = {"several": (0.80, 1.30), "one": (0.76, 1.35), "none": (0.60, 1.80)}
"""Published runs are warmed up, packed and selected, so no spread is narrower than this."""
FIGURES = (
    "small_batch_tokens",
    "full_launch_factor",
    "doubling_nodes",
)
STACKS: dict[str, tuple[str, ...]] = {
    "stock": ("axolotl", "litgpt", "llama-factory", "ms-swift", "peft", "qwen", "qwen-gptq"),
    "tuned": (
        "fms-acceleration",
        "fms-acceleration-2024",
        "fsdp-qlora",
        "liger",
        "torchtitan",
        "torchtune",
        "unsloth",
    ),
    "vendor": ("megatron", "nemo"),
}
"""Ids of the catalog's stacks, present and to come, by class."""


def main() -> int:
    """Fit, cross-validate, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="a table like throughput.csv")
    parser.add_argument("--out", type=Path, default=OUT)
    wanted = parser.parse_args()
    cases, unmapped = read_cases(wanted.rows)
    base = throughput()
    values = fit(cases, base, start=prior_values())
    found = throughput_of(values, base, cases)
    spread = _spread(left_out(cases, base, values))
    found = found.model_copy(update={"spread": spread})
    wanted.out.write_text("\n".join(_lines(found)) + "\n", encoding="utf-8")
    print(f"{len(cases)} rows fitted, {sum(unmapped.values())} not mapped; wrote {wanted.out}")
    for name, value in values.items():
        print(f"  {name:24} {value:8.3f}")
    return 0


def _spread(rows: Sequence[LeftOut]) -> dict[Evidence, Figure]:
    """Measured over predicted time of left-out rows, by what the other sources hold."""
    found: dict[Evidence, Figure] = {}
    for level, (least, most) in AT_LEAST.items():
        own = [row.residual for row in rows if row.evidence == level and row.case.in_stats]
        quantiles: list[float] = np.percentile(own, QUANTILES).tolist() if own else []
        low, high = map(exp, quantiles) if own else (least, most)
        found[level] = Figure(  # type: ignore[index]
            interval=Interval(
                low=round(min(low, least), 2), likely=1.0, high=round(max(high, most), 2)
            ),
            provenance=Provenance(
                kind="measured",
                source=SOURCE,
                note=f"{len(own)} rows, each predicted without its source",
            ),
        )
    return found


def _lines(found: Throughput) -> Iterable[str]:
    yield "# Written by benchmarks/throughput/calibrate.py from published speeds; do not edit."
    yield "# Matrix products at their share of the 16-bit peak, activations at memory bandwidth."
    yield f"reference_gb_per_second: {found.reference_gb_per_second:g}"
    for name in FIGURES:
        yield f"{name}: {_inline(getattr(found, name))}"
    yield ""
    yield "dequantise_milliseconds:  # per billion parameters and micro-batch, two passes"
    for name, figure in found.dequantise_milliseconds.items():
        yield f"  {name}: {_inline(figure)}"
    yield ""
    yield "several_gpus:  # share of time lost to further GPUs of one machine, by strategy"
    for name, figure in found.several_gpus.items():
        yield f"  {name}: {_inline(figure)}"
    yield ""
    yield "spread:  # actual over predicted time, by how many independent sources measured the cell"
    for level, figure in found.spread.items():
        yield f"  {level}: {_inline(figure)}"
    yield from _stack_lines(found)
    yield from _class_lines(found)
    yield ""
    yield "cells:  # what was published, by class of GPU and of software"
    for cell in found.cells:
        yield f"  - {_cell(cell)}"


def _stack_lines(found: Throughput) -> Iterable[str]:
    yield ""
    yield "stacks:"
    for stack in found.stacks:
        yield f"  - id: {stack.id}"
        yield f"    stacks: [{', '.join(STACKS[stack.id])}]"
        for name in type(stack).model_fields:
            if name not in {"id", "stacks"}:
                yield f"    {name}: {_inline(getattr(stack, name))}"


def _class_lines(found: Throughput) -> Iterable[str]:
    yield ""
    yield "classes:  # the first that names a card's id, else the first of its architecture"
    for entry in found.classes:
        yield f"  - id: {entry.id}"
        yield f"    architectures: [{', '.join(entry.architectures)}]"
        yield f"    gpus: [{', '.join(entry.gpus)}]"
        yield f"    share: {_inline(entry.share)}"
        yield f"    attention_cost: {_inline(entry.attention_cost)}"


def _inline(figure: Figure) -> str:
    interval, origin = figure.interval, figure.provenance
    note = f', why: "{origin.note}"' if origin.note else ""
    low, likely, high = (f"{v:.4g}" for v in (interval.low, interval.likely, interval.high))
    return (
        f"{{low: {low}, likely: {likely}, high: {high}, "
        f"kind: {origin.kind}, source: {origin.source}{note}}}"
    )


def _cell(cell: Cell) -> str:
    points = ", ".join(f"{point:g}" for point in cell.published or ())
    return (
        f"{{gpu_class: {cell.gpu_class}, stack_class: {cell.stack_class}, rows: {cell.rows}, "
        f"sources: {cell.sources}, evidence: {cell.evidence}, published: [{points}]}}"
    )


if __name__ == "__main__":
    sys.exit(main())
