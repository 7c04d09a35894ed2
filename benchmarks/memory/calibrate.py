"""Writes the error bands of the catalog from published runs, and says how they hold."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.schema.tiers import ErrorBand  # noqa: E402
from benchmarks.memory import bands, table  # noqa: E402

TARGET = ROOT / "rules" / "catalog" / "tiers" / "errors.yaml"
_HEAD = """\
# Where 8 of 10 published runs lie: 1 + (measured - computed) / the uncertain part of the computed,
# which is all but weights, adapters, gradients and optimizer states. Written by
# benchmarks/memory/calibrate.py; a kind of plan with few sources borrows from all of its tier.
written_by: benchmarks/memory/calibrate.py
as_of: "{day}"
measured_stacks:
{stacks}
bands:
"""


def as_yaml(found: list[ErrorBand], measured: dict[str, list[str]], day: str) -> str:
    """The catalog file."""
    lines = [
        f"  - {{tier: {b.tier}, guess: {b.guess}, stack: {b.stack}, method: {b.method}, "
        f"gpus: {b.gpus}, "
        f'checkpointing: "{b.checkpointing}", '
        f"low: {b.low}, high: {b.high}, runs: {b.runs}, sources: {b.sources}}}"
        for b in found
    ]
    stacks = "\n".join(f"  {tier}: [{', '.join(ids)}]" for tier, ids in measured.items())
    return _HEAD.format(day=day, stacks=stacks) + "\n".join(lines) + "\n"


def main() -> int:
    """Fit, report, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", required=True, action="append", type=Path)
    parser.add_argument("--configs", required=True, action="append", type=Path)
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    seen = bands.observe(table.keyed(options.rows), table.configs(options.configs))
    text = as_yaml(
        bands.fit(seen), bands.measured_stacks(seen), datetime.now(UTC).date().isoformat()
    )
    if options.write:
        TARGET.write_text(text, encoding="utf-8")
    print(text)
    print(json.dumps(bands.left_out(seen), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
